/**
 * What training goes on from after an interruption, and where it is kept. Declared here; the stores of `@sst/loaders` fit
 * by structure.
 */
import type { HostTensor } from "@sst/layers";
import { SstError } from "@sst/tensor";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One moment of a run, whole: from it the run goes on as if it had never stopped. */
export interface Checkpoint {
  /** Steps that are done. */
  readonly step: number;
  /** What the run was made with; a run that goes on has to be made with the same. */
  readonly configuration: Readonly<Record<string, Json>>;
  /** Where everything stands that is no tensor: the data's cursor, random states, what evaluation has seen. */
  readonly state: Readonly<Record<string, Json>>;
  /** Trained parameters, the optimiser's moments, the best parameters so far. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

export interface CheckpointStore {
  /**
   * Keeps a checkpoint. When this fails, or the machine stops on the way, what was kept before is still whole.
   *
   * @throws SstError `disk-full` or `output-not-writable`
   */
  save(checkpoint: Checkpoint): Promise<void>;
  /** The newest checkpoint; undefined where there is none. @throws SstError `file-corrupt` */
  load(): Promise<Checkpoint | undefined>;
}

/** @throws SstError `checkpoint-mismatch` naming the first setting that differs, with both values */
export function requireSameConfiguration(
  checkpoint: Checkpoint["configuration"],
  own: Checkpoint["configuration"],
): void {
  for (const name of Object.keys({ ...checkpoint, ...own })) {
    const [then, now] = [checkpoint[name], own[name]].map((value) => JSON.stringify(value) ?? "nothing");
    if (then === now) continue;
    throw new SstError(
      "checkpoint-mismatch",
      `the checkpoint comes from a run whose ${name} was ${then}, but this run has ${now}: resume with the settings of ` +
        "that run, or begin a new one somewhere else",
    );
  }
}
