/**
 * Training with iterations: which positions iterate and how often, and what is asked of each iteration. A model trained with
 * one iteration a position steps on when it iterates, and breaks; deliberation has to be trained (`state-stream` section 3).
 */
import type { ForwardOptions } from "@sst/layers";
import { Random, SstError } from "@sst/tensor";
import type { Batch } from "./batch.js";

export interface Deliberation {
  /** Iterations of a step's batches, or how many there are at a step, counted from 0: drawn, or growing. */
  readonly iterations: number | ((step: number) => number);
  /** Which positions iterate, negative ones counted from the end; defaults to all. The others are read once, in parallel. */
  readonly positions?: readonly number[];
  /**
   * What the loss is taken on: the `last` iteration of each position; `all`, each asked for the position's label; or
   * `staged`, where iteration i is asked for `stagedLabels` of the batch.
   */
  readonly loss: "last" | "all" | "staged";
}

/** A number of iterations drawn for each step, from `from` to `to`; the same seed and step give the same number. */
export function drawnIterations(from: number, to: number, seed: number): (step: number) => number {
  if (from <= to) return (step) => from + new Random(`iterations/${seed}/${step}`).integer(to - from + 1);
  throw new SstError("invalid-argument", `iterations are to be drawn from ${from} to ${to}, which is nothing`);
}

/** How the model runs at a step. */
export function deliberatedForward(
  { iterations, positions, loss }: Deliberation,
  step: number,
  options: ForwardOptions = {},
): ForwardOptions {
  const count = typeof iterations === "number" ? iterations : iterations(step);
  return {
    ...options,
    iterations: positions ? { count, positions } : count,
    ...(loss !== "last" && { everyIteration: true }),
  };
}

/**
 * The batch with a label for each column that the model gives logits of.
 *
 * @throws SstError `contradiction` for a staged loss on a batch without stages, and for a label before the last position
 * where logits are asked of that alone
 */
export function deliberatedBatch(batch: Batch, { loss }: Deliberation, options: ForwardOptions): Batch {
  const { batchSize, time, labels, stagedLabels } = batch;
  if (loss === "staged" && stagedLabels === undefined) {
    throw new SstError("contradiction", "a staged loss needs `stagedLabels`, and the batch has none");
  }
  const columns = columnsOf(time, options);
  const values = new Int32Array(batchSize * columns.length);
  for (let row = 0; row < batchSize; row++) {
    columns.forEach(({ position, iteration }, column) => {
      const asked = (loss === "staged" && stagedLabels?.[iteration - 1]) || labels;
      values[row * columns.length + column] = asked[row * time + position] as number;
    });
  }
  if (options.lastPositionOnly) requireOnlyLast(batch);
  return { ...batch, labels: values, labelColumns: columns.length };
}

/** Position and iteration of each column of the logits, in order. */
function columnsOf(time: number, options: ForwardOptions): { position: number; iteration: number }[] {
  const { iterations = 1, everyIteration, lastPositionOnly } = options;
  const count = typeof iterations === "number" ? iterations : iterations.count;
  const chosen =
    typeof iterations === "number" ? undefined : new Set(iterations.positions.map((p) => (p + time) % time));
  const positions = lastPositionOnly ? [time - 1] : Array.from({ length: time }, (_, position) => position);
  return positions.flatMap((position) => {
    const last = chosen === undefined || chosen.has(position) ? count : 1;
    const first = everyIteration ? 1 : last;
    return Array.from({ length: last - first + 1 }, (_, index) => ({ position, iteration: first + index }));
  });
}

function requireOnlyLast({ time, labels }: Batch): void {
  const index = labels.findIndex((label, entry) => label >= 0 && entry % time !== time - 1);
  if (index < 0) return;
  throw new SstError(
    "contradiction",
    `logits are asked of the last position only, but row ${Math.floor(index / time) + 1} has a label at position ${index % time}`,
  );
}
