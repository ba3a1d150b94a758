/**
 * `solver: "auto"` in training (ours): `chooseSolver` on the first batch, and again every so many steps, since the weights that it
 * was asked for change: a stream that begins as a nudge may learn to carry state, and then sweeps no longer contract.
 *
 * Gradients go through all sweeps. A residual within the tolerance says that the sweeps compute what the exact solver does; that
 * their gradient is the exact one's, too, is true of the whole of it, while one that stops at the last sweep reaches back one
 * position however small the residual is, so that what is learned would depend on the solver (`state-stream` section 2).
 */
import {
  chooseSolver,
  type DecoderModel,
  documentTensors,
  type ForwardOptions,
  type SolverChoice,
  type SolverWishes,
} from "@sst/layers";
import { SstError, tensor } from "@sst/tensor";
import type { Batch } from "./batch.js";

/** How a model runs in training: by a solver that is named, or by one that is chosen as training goes. */
export type TrainingForward = ForwardOptions | AutoForward;

export interface AutoForward
  extends Omit<ForwardOptions, "solver" | "sweeps" | "propagation" | "sweepGradient" | "streamOff" | "documents">,
    Pick<SolverWishes, "tolerance" | "maximumSweeps"> {
  readonly solver: "auto";
  /** Steps from one look at the residuals to the next, each of which costs two or three forward passes; defaults to 50. */
  readonly reviewEverySteps?: number;
}

/** What a look at the residuals has led to. */
export interface SolverReview extends SolverChoice {
  /** Whether the steps before ran with another one; true at the first look. */
  readonly isNew: boolean;
}

const REVIEW_STEPS = 50;

/** What `auto` says by itself. */
const chosenByAuto = ["sweeps", "propagation", "sweepGradient", "streamOff"] as const;
const wishesOfAuto = ["tolerance", "maximumSweeps", "reviewEverySteps"] as const;

/** How the steps run, now. */
export class SolverControl {
  /** Undefined until the first look, and always where the solver was named. */
  #choice: SolverChoice | undefined;

  /** @throws SstError `contradiction` or `invalid-argument`, naming the options */
  constructor(
    private readonly model: DecoderModel,
    private readonly wished: TrainingForward = {},
  ) {
    requireConsistent(wished, model);
  }

  /** Of `auto` before its first look the exact solver. */
  get forward(): ForwardOptions {
    if (this.wished.solver !== "auto") return this.wished as ForwardOptions;
    const { solver: _, tolerance, maximumSweeps, reviewEverySteps, ...rest } = this.wished;
    const { solver, sweeps } = this.#choice ?? { solver: "sequential" };
    return solver === "sequential"
      ? { ...rest, solver }
      : { ...rest, solver, sweeps: sweeps as number, sweepGradient: "all" };
  }

  /** What a checkpoint has to know to go on with. */
  get choice(): SolverChoice | undefined {
    return this.#choice;
  }

  restore(choice: SolverChoice | undefined): void {
    this.#choice = choice;
  }

  /**
   * Looks at the residuals, if it is time to, on the longest batch of the step that is next.
   *
   * @param step counted from 0
   * @param iterations those of the step
   * @throws SstError what `chooseSolver` throws
   */
  async review(
    step: number,
    batches: readonly Batch[],
    iterations: ForwardOptions["iterations"],
  ): Promise<SolverReview | undefined> {
    if (this.wished.solver !== "auto") return undefined;
    const { tolerance, maximumSweeps, reviewEverySteps = REVIEW_STEPS } = this.wished;
    if (this.#choice !== undefined && step % reviewEverySteps !== 0) return undefined;
    const wishes = { tolerance, maximumSweeps, iterations };
    const given = Object.entries(wishes).filter(([, value]) => value !== undefined);
    const longest = batches.reduce((left, right) => (right.time > left.time ? right : left));
    const before = this.#choice;
    const choice = await choose(this.model, longest, Object.fromEntries(given));
    this.#choice = choice;
    return { ...choice, isNew: choice.solver !== before?.solver || choice.sweeps !== before.sweeps };
  }
}

async function choose(
  model: DecoderModel,
  { batchSize, documentStarts, time, tokens: values }: Batch,
  wishes: SolverWishes,
): Promise<SolverChoice> {
  const weights = model.weights();
  const tokens = tensor(values, [batchSize, time], "int32");
  const documents = documentStarts && documentTensors(documentStarts, batchSize, time, wishes.iterations);
  try {
    return await chooseSolver(weights, tokens, { ...wishes, ...(documents && { documents }) });
  } finally {
    for (const each of [tokens, ...Object.values(documents ?? {})]) each.dispose();
    weights.dispose();
  }
}

function requireConsistent(wished: TrainingForward & Partial<Omit<AutoForward, "solver">>, model: DecoderModel): void {
  const given = (names: readonly string[]) => names.find((name) => wished[name as keyof typeof wished] !== undefined);
  if (wished.solver !== "auto") {
    const wish = given(wishesOfAuto);
    if (wish === undefined) return;
    throw new SstError(
      "contradiction",
      `${wish} goes with solver "auto", but the solver is ${wished.solver ?? "not chosen"}`,
    );
  }
  if (model.config.stateStream === undefined) {
    throw new SstError(
      "contradiction",
      'the model has no state stream, so solver "auto" has nothing to choose: leave it out',
    );
  }
  const said = given(chosenByAuto);
  if (said !== undefined) {
    throw new SstError(
      "contradiction",
      `${said} is not for solver "auto", which chooses itself: leave out one of them`,
    );
  }
  const { reviewEverySteps = REVIEW_STEPS } = wished;
  if (Number.isInteger(reviewEverySteps) && reviewEverySteps >= 1) return;
  throw new SstError(
    "invalid-argument",
    `reviewEverySteps should be a whole number of at least 1, but is ${reviewEverySteps}`,
  );
}
