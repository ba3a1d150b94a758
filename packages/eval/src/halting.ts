/** When to stop iterating, and what that costs: rules that see what a model answers after each iteration. */
import { SstError } from "@sst/tensor";
import { type DepthReading, type SequenceReadings, share } from "./depths.js";

/** Whether an iteration was the last one that is needed. */
export type HaltingRule = (reading: DepthReading) => boolean;

export interface HaltingResult {
  readonly accuracy: number;
  /** Iterations at the answer, mean over sequences. */
  readonly meanIterations: number;
}

/** Stops as soon as the answer has this probability. */
export function untilDecided(confidence: number): HaltingRule {
  return (reading) => reading.confidence >= confidence;
}

/** Stops as soon as an iteration changes the answer's distribution by less than so many nats: one later than need be. */
export function untilSettled(nats: number): HaltingRule {
  return (reading) => reading.change < nats;
}

/** Stops as soon as one of the rules does. */
export function untilAny(...rules: readonly HaltingRule[]): HaltingRule {
  return (reading) => rules.some((rule) => rule(reading));
}

/** What a rule reaches with at most `maximum` iterations. */
export function evaluateHalting(
  sequences: readonly SequenceReadings[],
  rule: HaltingRule,
  maximum: number,
): HaltingResult {
  const lastOf = (readings: SequenceReadings) => {
    const index = readings.findIndex(rule);
    return index < 0 || index >= maximum ? maximum - 1 : index;
  };
  const iterations = sequences.reduce((total, readings) => total + lastOf(readings) + 1, 0);
  return {
    accuracy: share(sequences, (readings) => readings[lastOf(readings)]?.isRight === true),
    meanIterations: iterations / sequences.length,
  };
}

/** Passes of the fit over its sequences. */
const FIT_STEPS = 300;

/**
 * A rule that is learned: logistic regression on the logits after an iteration, which are a linear view of the model's top
 * state, for whether the answer stays as it is from there on. It needs no right answers, only what deeper iterations say. Fit
 * it on other sequences than those that it is judged by.
 *
 * @param threshold the probability from which on it stops; defaults to 0.8, since stopping early costs more than going on
 * @throws SstError `invalid-argument` for sequences whose answers all change, or none of them
 */
export function learnedHalting(sequences: readonly SequenceReadings[], threshold = 0.8): HaltingRule {
  const examples = sequences.flatMap((readings) =>
    readings.map((reading, depth) => ({
      logits: reading.logits,
      stays: readings.slice(depth).every(({ answer }) => answer === reading.answer),
    })),
  );
  const staying = share(examples, ({ stays }) => stays);
  if (!(staying > 0 && staying < 1)) {
    throw new SstError(
      "invalid-argument",
      `a halting rule is learned from answers that stay and answers that change, but of ${examples.length} ` +
        `${staying === 0 ? "none stays" : "none changes"}`,
    );
  }
  const scale = standardisation(examples.map(({ logits }) => logits));
  const inputs = examples.map(({ logits }) => scale(logits));
  const weights = new Float64Array((inputs[0] as Float64Array).length);
  const rate = 1 / Math.sqrt(weights.length);
  let bias = Math.log(staying / (1 - staying));
  for (let step = 0; step < FIT_STEPS; step++) {
    const gradient = new Float64Array(weights.length);
    let biasGradient = 0;
    for (const [index, input] of inputs.entries()) {
      const error = sigmoid(bias + dot(weights, input)) - (examples[index]?.stays ? 1 : 0);
      biasGradient += error;
      for (let i = 0; i < input.length; i++) gradient[i] = (gradient[i] as number) + error * (input[i] as number);
    }
    bias -= (rate * biasGradient) / inputs.length;
    for (let i = 0; i < weights.length; i++) {
      weights[i] = (weights[i] as number) - (rate * (gradient[i] as number)) / inputs.length;
    }
  }
  return ({ logits }) => sigmoid(bias + dot(weights, scale(logits))) >= threshold;
}

/** Mean 0 and deviation 1 for every entry, by the rows given. */
function standardisation(rows: readonly Float32Array[]): (row: Float32Array) => Float64Array {
  const size = rows[0]?.length ?? 0;
  const meanOf = (value: (row: Float32Array, i: number) => number) =>
    Float64Array.from({ length: size }, (_, i) => rows.reduce((sum, row) => sum + value(row, i), 0) / rows.length);
  const means = meanOf((row, i) => row[i] as number);
  const variances = meanOf((row, i) => ((row[i] as number) - (means[i] as number)) ** 2);
  return (row) =>
    Float64Array.from(row, (value, i) => (value - (means[i] as number)) / Math.sqrt((variances[i] as number) + 1e-12));
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] as number) * (right[i] as number);
  return sum;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
