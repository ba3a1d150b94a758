/** What progress shows of a run, or of several that go on side by side: their losses then, when all have made a step. */
import type { StepEvent, TrainingEvent } from "@sst/train";
import type { Figures, Progress } from "../progress.js";
import { describeSolver } from "./solver-words.js";

export class RunFigures {
  readonly #runs: Map<string | undefined, { step: number; figures: Figures; solver: Figures }>;

  /** @param variants in the order in which they are shown */
  constructor(
    private readonly progress: Pick<Progress, "update">,
    variants: readonly (string | undefined)[] = [undefined],
  ) {
    this.#runs = new Map(variants.map((variant) => [variant, { step: 0, figures: {}, solver: {} }]));
  }

  hear(event: TrainingEvent, variant?: string): void {
    const run = this.#runs.get(variant);
    if (run === undefined) return;
    run.step = event.step;
    if (event.event === "solver") run.solver = { solver: describeSolver(event) };
    if (event.event !== "step") return;
    run.figures = figuresOf(event, variant);
    const runs = [...this.#runs.values()];
    if (runs.some(({ step }) => step < event.step)) return;
    this.progress.update(event.step, Object.assign({}, ...runs.flatMap(({ figures, solver }) => [figures, solver])));
  }
}

function figuresOf({ gradientNorm, loss, tokensPerSecond }: StepEvent, variant: string | undefined): Figures {
  if (variant !== undefined) return { [`${variant} loss`]: loss };
  return { loss, gradient: gradientNorm, "tokens/s": Math.round(tokensPerSecond) };
}
