/** Conducts the two runs of co-training, which go on side by side: to their end or to Ctrl-C. */
import type { DecoderModel, ModelData } from "@sst/layers";
import { type CoTrainOptions, type CoTrainVariant, coTrain } from "@sst/train";
import { type Conducted, Conductor } from "./conductor.js";

export const variants: readonly CoTrainVariant[] = ["stream", "baseline"];

export interface ConductedPair extends Omit<Conducted, "steps" | "variants"> {
  readonly coTraining: Omit<CoTrainOptions, "run" | "onStep" | "signal" | "onInterrupt">;
  /** Of one of the two models, on data held out from training. */
  readonly evaluationLoss: (model: DecoderModel) => Promise<number>;
}

/**
 * @returns undefined where Ctrl-C has ended the runs: it has been said how to resume them
 * @throws SstError what training throws
 */
export async function conductPair(
  backbone: ModelData,
  conducted: ConductedPair,
): Promise<Record<CoTrainVariant, DecoderModel> | undefined> {
  const { coTraining, evaluationLoss } = conducted;
  using conductor = await Conductor.begin({ ...conducted, steps: coTraining.trainer.steps, variants });
  let isInterrupted = false;
  try {
    return await coTrain(backbone, {
      ...coTraining,
      run: (variant, model) => conductor.runOptions(() => evaluationLoss(model), variant),
      signal: conductor.signal,
      onInterrupt: async (runs) => {
        await conductor.endInterrupted(variants.map((variant) => ({ run: runs[variant], variant })));
        isInterrupted = true;
      },
    });
  } catch (error) {
    if (isInterrupted) return undefined;
    throw error;
  }
}
