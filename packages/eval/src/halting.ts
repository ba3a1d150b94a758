/** When to stop iterating, and what that costs: rules that see what a model answers after each iteration. */
import { fitProbe } from "@sst/train";
import { type DepthReading, type SequenceReadings, share } from "./depths.js";

/** Whether an iteration was the last one that is needed. */
export type HaltingRule = (reading: DepthReading) => boolean;

export interface HaltingResult {
  readonly accuracy: number;
  /** Iterations at the answer, mean over sequences. */
  readonly meanIterations: number;
}

/** Stops as soon as the answer has this probability. */
export function untilConfident(confidence: number): HaltingRule {
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

/**
 * A rule that is learned: a probe (logistic regression) of the logits after an iteration, which are a linear view of the
 * model's top state, for whether the answer stays as it is from there on. It needs no right answers, only what deeper
 * iterations say. Fit it on other sequences than those that it is judged by.
 *
 * @param threshold the probability from which on it stops; defaults to 0.95: stopping early costs an answer, going on an iteration
 * @throws SstError `invalid-argument` for sequences whose answers all change, or none of them
 */
export function learnedHalting(sequences: readonly SequenceReadings[], threshold = 0.95): HaltingRule {
  const rows = sequences.flatMap((readings) =>
    readings.map(({ logits, answer }, depth) => ({
      features: logits,
      label: readings.slice(depth).every((later) => later.answer === answer),
    })),
  );
  const probe = fitProbe(rows);
  return ({ logits }) => probe.probability(logits) >= threshold;
}
