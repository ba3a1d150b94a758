/** What a training run leaves: every tenth loss, and the time that its steps took. */
import type { StepReport } from "@sst/train";

/** Every so many steps a point of the loss curve is kept. */
const CURVE_STEPS = 10;

export class LossCurve {
  readonly points: { step: number; loss: number }[] = [];
  #milliseconds = 0;

  constructor(private readonly onStep: (report: StepReport) => void) {}

  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  add(report: StepReport): void {
    this.#milliseconds += report.durationMs;
    if (report.step % CURVE_STEPS === 1) this.points.push({ step: report.step, loss: report.loss });
    this.onStep(report);
  }
}
