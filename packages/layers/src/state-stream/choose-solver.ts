/**
 * `solver: "auto"` (ours): which solver is the cheapest that meets a tolerance, by what the residuals of the first sweeps say.
 *
 * Sweeps shrink the residual by about the same factor each, where they shrink it at all: a stream that adjusts does, one that
 * holds discrete information over time does not (`state-stream` section 2). `two-pass` is never the answer: it costs a whole pass
 * where `layerwise` costs a sweep, and is further off.
 */
import { SstError, type Tensor } from "@sst/tensor";
import { forward } from "../forward.js";
import { type ForwardOptions, planForward } from "../forward-options.js";
import { segmentsOf } from "../segments.js";
import type { ModelWeights } from "../weights.js";

/** What is asked of a solver, and how the passes run that it is for. */
export interface SolverWishes extends Pick<ForwardOptions, "documents" | "iterations"> {
  /** Largest residual `‖s_t - g_t(s_{t-1})‖ / ‖s_t‖` of any layer; defaults to 1e-4. */
  readonly tolerance?: number;
  /** Beyond so many sweeps the exact solver is the cheaper one; defaults to 4. */
  readonly maximumSweeps?: number;
}

export interface SolverChoice {
  readonly solver: "layerwise" | "sequential";
  /** For `layerwise`. */
  readonly sweeps?: number;
  /** What is to be expected: the residual that was seen with these sweeps, 0 for the exact solver. */
  readonly residual: number;
  /** What was tried: the largest residual of any layer by sweeps. */
  readonly seen: readonly { readonly sweeps: number; readonly residual: number }[];
  readonly reason: string;
}

/** Residuals that shrink by less than this from sweep to sweep do not get anywhere. */
const SLOWEST_CONTRACTION = 0.5;

/**
 * Tries sweeps on `tokens` `[batch, time]` (int32), a sample of what is to be computed. Costs two or three forward passes.
 *
 * @throws SstError `contradiction` for a model without a stream, `invalid-argument` for wishes that make no sense
 */
export async function chooseSolver(
  weights: ModelWeights,
  tokens: Tensor,
  { tolerance = 1e-4, maximumSweeps = 4, ...pass }: SolverWishes = {},
): Promise<SolverChoice> {
  if (!(tolerance > 0)) throw new SstError("invalid-argument", `tolerance should be above 0, but is ${tolerance}`);
  if (!Number.isInteger(maximumSweeps) || maximumSweeps < 2) {
    throw new SstError("invalid-argument", `maximumSweeps should be a whole number from 2 on, but is ${maximumSweeps}`);
  }
  const seen: { sweeps: number; residual: number }[] = [];
  const exact = (reason: string): SolverChoice => ({ solver: "sequential", residual: 0, seen, reason });
  const columns = longestRun(weights, tokens, pass);
  let sweeps = 2;
  for (;;) {
    // As many sweeps as columns leave no residual, whether they contract or not.
    if (sweeps >= columns)
      return exact(`too few columns in a row (${columns}) to tell what ${sweeps} sweeps are worth`);
    const residual = await largestResidual(weights, tokens, sweeps, pass);
    const before = seen.at(-1);
    seen.push({ sweeps, residual });
    if (residual <= tolerance) {
      return { solver: "layerwise", sweeps, residual, seen, reason: `${sweeps} sweeps meet the tolerance` };
    }
    const contraction = before && (residual / before.residual) ** (1 / (sweeps - before.sweeps));
    if (contraction !== undefined && !(contraction <= SLOWEST_CONTRACTION)) {
      return exact(`sweeps do not contract: the residual goes from ${before?.residual} to ${residual}`);
    }
    // The third sweep tells how fast it goes; from there on the number that should be enough is tried.
    const next =
      contraction === undefined ? 3 : sweeps + Math.ceil(Math.log(tolerance / residual) / Math.log(contraction));
    if (next > maximumSweeps) return exact(`${next} sweeps or more would be needed, and ${maximumSweeps} are allowed`);
    sweeps = next;
  }
}

/** Columns of the longest recurrence that is solved at once. */
function longestRun({ config, recirculation }: ModelWeights, tokens: Tensor, pass: SolverWishes): number {
  const plan = planForward(config, { ...pass, solver: "layerwise" });
  const recirculates = recirculation !== undefined;
  const segments = segmentsOf(plan, tokens.shape[1] as number, recirculates);
  return Math.max(...segments.map(({ time, iterations }) => (recirculates ? time : time * iterations)));
}

async function largestResidual(
  weights: ModelWeights,
  tokens: Tensor,
  sweeps: number,
  pass: SolverWishes,
): Promise<number> {
  const residuals: Promise<number>[] = [];
  const onResidual = (_layer: number, residual: Promise<number>) => residuals.push(residual);
  forward(weights, tokens, { ...pass, solver: "layerwise", sweeps, onResidual, lastPositionOnly: true }).dispose();
  return Math.max(...(await Promise.all(residuals)));
}
