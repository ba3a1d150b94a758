/** Where a run gets its batches from, and how it remembers where it stood. */
import type { Batch } from "./batch.js";
import type { Json } from "./checkpoint.js";

/** Batches one step after the other, from data that has a cursor. */
export interface BatchSource {
  /** The batches of the next step, whose number (from 0) is told; a promise of them where they have to be read first. */
  next(step: number): readonly Batch[] | Promise<readonly Batch[]>;
  /** Where it stands: what `restore` needs to give the same batches from here on. */
  state(): Json;
  /** @throws SstError `checkpoint-mismatch` for a state of another source */
  restore(state: Json): void;
}

/** A source that the step's number says everything to. */
export function batchesByStep(batches: (step: number) => readonly Batch[]): BatchSource {
  return { next: batches, state: () => null, restore: () => {} };
}
