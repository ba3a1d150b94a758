/** What a training run leaves: every so many steps its loss, and the time that its steps took. */
import type { StepReport } from "@sst/train";
import type { CurvePoint } from "./results.js";

const CURVE_STEPS = 10;

export class LossCurve {
  readonly points: CurvePoint[] = [];
  #sum = 0;
  #milliseconds = 0;

  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  /** A point is the mean of the steps since the one before. */
  add({ step, loss, durationMs }: StepReport): void {
    this.#milliseconds += durationMs;
    this.#sum += loss;
    if (step % CURVE_STEPS !== 0) return;
    this.points.push({ step, loss: this.#sum / CURVE_STEPS });
    this.#sum = 0;
  }
}
