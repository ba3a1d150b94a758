/** The options of commands that train a model with a stream: which solver, or what is asked of one that is chosen. */
import type { ForwardOptions } from "@sst/layers";
import type { TrainingForward } from "@sst/train";
import type { Command } from "commander";
import { forwardOptions, number, type SolverOptions, solvers, wholeNumber, withSolverOptions } from "../arguments.js";

export interface TrainingSolverOptions extends Omit<SolverOptions, "solver"> {
  readonly solver?: TrainingForward["solver"];
  readonly tolerance?: number;
  readonly maximumSweeps?: number;
  readonly reviewEvery?: number;
}

export function withTrainingSolverOptions(command: Command): Command {
  return withSolverOptions(command, [...solvers, "auto"])
    .option("--tolerance <X>", "largest residual that --solver auto accepts of sweeps (default: 1e-4)", number(0))
    .option(
      "--maximum-sweeps <K>",
      "sweeps beyond which --solver auto takes the exact solver (default: 4)",
      wholeNumber(2),
    )
    .option(
      "--review-every <N>",
      "steps after which --solver auto looks at the residual again (default: 50)",
      wholeNumber(1),
    );
}

type ModelOptions = TrainingSolverOptions & Pick<ForwardOptions, "iterations" | "recompute" | "streamOff">;

/** How the model runs in training. */
export function trainingForward(options: ModelOptions): TrainingForward {
  const { solver, tolerance, maximumSweeps, reviewEvery: reviewEverySteps, ...rest } = options;
  const given = Object.entries({ solver, tolerance, maximumSweeps, reviewEverySteps });
  const chosen = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  // What does not go together says the trainer.
  return { ...forwardOptions(rest), ...chosen } as TrainingForward;
}

/** How it runs in an evaluation: where the solver changes on the way, by the exact one, or losses would not compare. */
export function evaluationForward({ solver, ...rest }: ModelOptions): ForwardOptions {
  return forwardOptions(solver === undefined || solver === "auto" ? rest : { ...rest, solver });
}
