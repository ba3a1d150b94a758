/** What `sst train` trains: a model and its data, made ready by the kind of data that was asked for. Disposing closes both. */

import type { DecoderModel } from "@sst/layers";
import type { NotedFile } from "@sst/loaders";
import type { BatchSource, Json, TrainerOptions } from "@sst/train";

export interface Prepared extends AsyncDisposable {
  readonly model: DecoderModel;
  readonly trainable?: TrainerOptions["trainable"];
  readonly batches: BatchSource;
  /** Files that must not change under the run. */
  readonly data: readonly NotedFile[];
  /** What has to be the same for a run that goes on, beside what the trainer is made with. */
  readonly configuration: Readonly<Record<string, Json>>;
  /** On data held out from training. */
  readonly evaluationLoss: () => Promise<number>;
  readonly save: (folder: string) => Promise<void>;
  /** Figures of the trained model: for programs, and in words. */
  readonly result: () => Promise<{ readonly figures: Readonly<Record<string, unknown>>; readonly words: string }>;
}
