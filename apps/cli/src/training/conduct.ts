/** Conducts one run: to its end, to an early stop, to Ctrl-C, or to a number that is not finite. */
import { SstError } from "@sst/tensor";
import { type BatchSource, type Trainer, type TrainingOutcome, TrainingRun } from "@sst/train";
import { type Conducted, Conductor } from "./conductor.js";

export interface ConductedRun extends Omit<Conducted, "steps" | "variants"> {
  readonly trainer: Trainer;
  readonly batches: BatchSource;
  readonly evaluationLoss: () => Promise<number>;
  /** Saves the model as it is. */
  readonly saveModel: () => Promise<void>;
}

/**
 * @returns undefined where Ctrl-C has ended the run: it has been said how to resume it
 * @throws SstError what training throws
 */
export async function conduct(conducted: ConductedRun): Promise<TrainingOutcome | undefined> {
  const { batches, evaluationLoss, out, saveModel, trainer } = conducted;
  using conductor = await Conductor.begin({ ...conducted, steps: trainer.options.steps });
  try {
    const run = await TrainingRun.start(trainer, { batches, ...conductor.runOptions(evaluationLoss) });
    const outcome = await run.finish(conductor.signal);
    if (outcome.reason !== "interrupted") return outcome;
    await conductor.endInterrupted([{ run }]);
    return undefined;
  } catch (error) {
    if (!(error instanceof SstError) || error.code !== "not-finite" || out === undefined) throw error;
    await saveModel();
    throw new SstError("not-finite", `${error.message}. That model is saved in ${out}`, { cause: error });
  }
}
