/** Learning rates over time, as factors on the base rate. */

export interface ScheduleOptions {
  readonly steps: number;
  /** Steps of linear warm-up. */
  readonly warmupSteps: number;
  /** What is left of the rate at the end of the cosine, as a fraction. */
  readonly finalFraction: number;
}

/** The factor at a step, counted from 0. */
export type Schedule = (step: number) => number;

/** Linear warm-up, then half a cosine down to `finalFraction`. */
export function warmupCosine({ steps, warmupSteps, finalFraction }: ScheduleOptions): Schedule {
  return (step) => {
    if (step < warmupSteps) return (step + 1) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
    return finalFraction + (1 - finalFraction) * 0.5 * (1 + Math.cos(Math.PI * progress));
  };
}

/** Steps of warm-up where there are few in all: a tenth of them, at most 50. */
export function shortWarmup(steps: number): number {
  return Math.min(50, Math.ceil(steps / 10));
}
