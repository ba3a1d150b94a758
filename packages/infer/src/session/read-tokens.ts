/**
 * Reading many positions at once, in chunks: attention of a chunk runs in parallel, the recurrence exactly, or by sweeps where
 * these come near enough. Sweeps that do not are not used: the chunk is read again, exactly.
 */
import { type ForwardOptions, forward, type ModelWeights, tokenTensor } from "@sst/layers";
import { turnOfTheLoop } from "@sst/tensor";
import type { SessionCaches } from "./session-caches.js";

export interface ReadOptions {
  /** `exact`, or `auto`: sweeps, and the exact solver where the residual of a layer is above the tolerance. Defaults to `exact`. */
  readonly solver?: "exact" | "auto";
  /** Of the residual ‖s_t − g_t(s_{t−1})‖ / ‖s_t‖, with `auto`; defaults to 1e-4. */
  readonly tolerance?: number;
  /** Sweeps that are tried with `auto`; defaults to 4. */
  readonly sweeps?: number;
  /** Positions that are read at once; defaults to 512. */
  readonly chunk?: number;
  /** Iterations at each of the positions; defaults to 1. */
  readonly iterations?: number;
  readonly streamOff?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** How positions were read. */
export interface ReadReport {
  readonly positions: number;
  /** Of these, how many by sweeps that met the tolerance. */
  readonly swept: number;
  /** The largest residual of sweeps that were used; 0 where all were read exactly. */
  readonly residual: number;
}

/** Reads tokens into the caches. The caches are as they were where the signal ends it between two chunks. */
export async function readTokens(
  weights: ModelWeights,
  tokens: readonly number[],
  caches: SessionCaches,
  options: ReadOptions,
): Promise<ReadReport> {
  const { chunk = 512, signal } = options;
  let [swept, residual] = [0, 0];
  for (let start = 0; start < tokens.length; start += chunk) {
    // A chunk does not wait for anything: who else has something to do gets a turn between two.
    if (start > 0) await turnOfTheLoop();
    signal?.throwIfAborted();
    const part = tokens.slice(start, start + chunk);
    const found = canSweep(weights, options) ? await trySweeps(weights, part, caches, options) : undefined;
    if (found === undefined) run(weights, part, caches, exactly(options));
    else [swept, residual] = [swept + part.length, Math.max(residual, found)];
  }
  return { positions: tokens.length, swept, residual };
}

function canSweep({ config }: ModelWeights, { solver, streamOff, iterations = 1 }: ReadOptions): boolean {
  const cutsIntoSteps = iterations > 1 && config.stateStream?.recirculate === true;
  return solver === "auto" && config.stateStream !== undefined && !streamOff && !cutsIntoSteps;
}

function exactly({ iterations = 1, streamOff = false }: ReadOptions): ForwardOptions {
  return { iterations, streamOff };
}

/** The residual of sweeps over a chunk, or undefined where it is above the tolerance and nothing was read. */
async function trySweeps(
  weights: ModelWeights,
  tokens: readonly number[],
  caches: SessionCaches,
  { tolerance = 1e-4, sweeps = 4, iterations = 1 }: ReadOptions,
): Promise<number | undefined> {
  using mark = caches.mark();
  const residuals: Promise<number>[] = [];
  run(weights, tokens, caches, {
    solver: "layerwise",
    sweeps,
    iterations,
    onResidual: (_, residual) => residuals.push(residual),
  });
  const largest = Math.max(...(await Promise.all(residuals)));
  // What is not a number is not within a tolerance.
  if (largest <= tolerance) return largest;
  caches.rewind(mark);
  return undefined;
}

function run(weights: ModelWeights, tokens: readonly number[], caches: SessionCaches, options: ForwardOptions): void {
  const given = tokenTensor([tokens], weights.config);
  try {
    forward(weights, given, { ...options, caches, lastPositionOnly: true }).dispose();
  } finally {
    given.dispose();
  }
}
