/** Progress of an evaluation: how many are done and right; never what was asked. */
import type { EvaluationProgress } from "@sst/eval";
import { type Progress, trainingProgress } from "../progress.js";

export function verdictProgress(): { update(progress: EvaluationProgress): void; stop(): void } {
  let progress: Progress | undefined;
  return {
    update: ({ done, total, correct }) => {
      progress ??= trainingProgress(total);
      progress.update(done, { right: correct / done });
    },
    stop: () => progress?.stop(),
  };
}
