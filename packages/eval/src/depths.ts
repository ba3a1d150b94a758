/** What a model answers at the last position after each of its iterations there: everything read once, every depth by itself. */
import { kullbackLeiblerNats, logProbabilities } from "@sst/infer";
import { type DecoderModel, forward, tokenTensor } from "@sst/layers";
import { type LabelledBatch, rowsOf } from "./batches.js";

/** The answer after one iteration. */
export interface DepthReading {
  readonly answer: number;
  readonly isRight: boolean;
  /** The probability of the answer. */
  readonly confidence: number;
  /** Kullback-Leibler divergence of this iteration's answer from the one before, in nats; infinite for the first. */
  readonly change: number;
  /** `[vocabSize]`. */
  readonly logits: Float32Array;
}

/** One sequence, by number of iterations from 1 on. */
export type SequenceReadings = readonly DepthReading[];

/**
 * Reads sequences in which the last position alone iterates. Their label at the last position is what is right.
 *
 * @throws SstError `contradiction` for a model without a state stream that is to iterate, `unknown-token`
 */
export async function readDepths(
  model: DecoderModel,
  batches: Iterable<LabelledBatch>,
  maximum: number,
): Promise<SequenceReadings[]> {
  const weights = model.weights();
  const sequences: SequenceReadings[] = [];
  const { vocabSize } = model.config;
  const deep = { iterations: { count: maximum, positions: [-1] }, everyIteration: true };
  try {
    for (const batch of batches) {
      const tokens = tokenTensor(rowsOf(batch.tokens, batch), model.config);
      const logits = forward(weights, tokens, { lastPositionOnly: true, ...(maximum > 1 && deep) });
      tokens.dispose();
      const values = (await logits.data()) as Float32Array;
      logits.dispose();
      for (const [row, labels] of rowsOf(batch.labels, batch).entries()) {
        const readings: DepthReading[] = [];
        let before: Float64Array | undefined;
        for (let depth = 0; depth < maximum; depth++) {
          const start = (row * maximum + depth) * vocabSize;
          const own = values.subarray(start, start + vocabSize);
          const logs = logProbabilities(own);
          readings.push(reading(own, logs, labels.at(-1) as number, before));
          before = logs;
        }
        sequences.push(readings);
      }
    }
    return sequences;
  } finally {
    weights.dispose();
  }
}

/** Share of right answers, by number of iterations from 1 on. */
export function accuracyByDepth(sequences: readonly SequenceReadings[]): number[] {
  const maximum = sequences[0]?.length ?? 0;
  return Array.from({ length: maximum }, (_, depth) =>
    share(sequences, (readings) => readings[depth]?.isRight === true),
  );
}

/** Share of sequences that some depth answers: no accuracy of the model, which does not know which depth that is. */
export function unionOverDepths(sequences: readonly SequenceReadings[]): number {
  return share(sequences, (readings) => readings.some(({ isRight }) => isRight));
}

export function share<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  return items.filter(holds).length / items.length;
}

function reading(
  logits: Float32Array,
  logs: Float64Array,
  label: number,
  before: Float64Array | undefined,
): DepthReading {
  let answer = 0;
  for (let token = 1; token < logs.length; token++) {
    if ((logs[token] as number) > (logs[answer] as number)) answer = token;
  }
  const change = before ? kullbackLeiblerNats(logs, before) : Number.POSITIVE_INFINITY;
  return { answer, isRight: answer === label, confidence: Math.exp(logs[answer] as number), change, logits };
}
