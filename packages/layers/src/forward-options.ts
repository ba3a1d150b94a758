/** How a forward pass runs, and which wishes contradict each other. */
import { SstError } from "@sst/tensor";
import type { KvCache } from "./caches/kv-cache.js";
import type { LatentStateCache } from "./caches/latent-state-cache.js";
import type { ModelConfig } from "./config.js";
import type { Documents } from "./documents.js";
import type { Propagation } from "./state-stream/propagation.js";

export type Solver = "sequential" | "layerwise" | "two-pass";

export type SweepGradient = "last" | "all";

export interface ForwardOptions {
  /** Defaults to `sequential`, the exact one. */
  readonly solver?: Solver;
  /** Sweeps (`layerwise`) or passes (`two-pass`), at least 1. Defaults to 2. */
  readonly sweeps?: number;
  /** Defaults to `scan`. */
  readonly propagation?: Propagation;
  /**
   * How far the gradient of a parallel solver flows back: through its last sweep or pass (`"last"`, the default; paper), or
   * through `"all"` of them, which is exact for what the sweeps compute, reaches back as many positions, and costs their memory.
   */
  readonly sweepGradient?: SweepGradient;
  /** Iterations at every position of the chunk, at least 1; more than 1 needs `sequential`. Defaults to 1. */
  readonly iterations?: number;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
  /** Caches to continue from and to write to. */
  readonly caches?: { readonly kv: KvCache; readonly states: LatentStateCache };
  /** Computes logits for the last position only. */
  readonly lastPositionOnly?: boolean;
  /** Where the rows hold several documents each (`documentTensors`, for as many iterations); not with caches. */
  readonly documents?: Documents;
  /**
   * Gradient checkpointing: the backward pass computes each layer again instead of keeping what it computed. For training;
   * without caches and `onResidual`.
   */
  readonly recompute?: boolean;
  /** Called for every layer with its residual, to be awaited; costs one more sweep each. */
  readonly onResidual?: (layer: number, residual: Promise<number>) => void;
}

/** What a pass reads from caches and writes to them. */
export interface PassCaches {
  readonly kv: Pick<KvCache, "length" | "capacity" | "keys" | "values" | "write">;
  readonly states: Pick<LatentStateCache, "isFilled" | "state" | "write">;
}

/** The part of the options that a pass looks at itself, its caches of whatever kind. */
export interface PassOptions
  extends Pick<ForwardOptions, "documents" | "lastPositionOnly" | "onResidual" | "recompute"> {
  readonly caches?: PassCaches | undefined;
}

/** Options with everything decided. */
export interface ForwardPlan {
  readonly solver: Solver | "off";
  readonly sweeps: number;
  readonly propagation: Propagation;
  readonly sweepGradient: SweepGradient;
  readonly iterations: number;
}

const solvers: readonly string[] = ["sequential", "layerwise", "two-pass"] satisfies Solver[];
const propagations: readonly string[] = ["shift", "scan"] satisfies Propagation[];
const sweepGradients: readonly string[] = ["last", "all"] satisfies SweepGradient[];

/** @throws SstError `contradiction` or `invalid-argument`, naming the options */
export function planForward(config: ModelConfig, options: ForwardOptions): ForwardPlan {
  const { solver = "sequential", sweeps = 2, propagation = "scan", sweepGradient = "last" } = options;
  const { iterations = 1, streamOff = false } = options;
  requireKnown("solver", solver, solvers);
  requireKnown("propagation", propagation, propagations);
  requireKnown("sweepGradient", sweepGradient, sweepGradients);
  requireCount("iterations", iterations);
  requireCount("sweeps", sweeps);
  const hasStream = config.stateStream !== undefined;
  const asksForSolver = [options.solver, options.sweeps, options.propagation, options.sweepGradient].some(
    (option) => option !== undefined,
  );
  if (!hasStream && (asksForSolver || iterations > 1)) {
    throw new SstError(
      "contradiction",
      "the model has no state stream, so it takes neither a solver nor iterations: leave them out, or load a model with one",
    );
  }
  if (streamOff && iterations > 1) {
    throw new SstError("contradiction", "iterations carry the state stream on: they need it switched on");
  }
  if (iterations > 1 && solver !== "sequential") {
    throw new SstError("contradiction", `more than one iteration needs the solver "sequential", not "${solver}"`);
  }
  if (options.documents && options.caches) {
    throw new SstError(
      "contradiction",
      "rows of several documents begin anew in the middle, so they go without caches",
    );
  }
  if (options.recompute && (options.caches || options.onResidual)) {
    throw new SstError("contradiction", "layers that are computed again (recompute) go without caches and onResidual");
  }
  return { solver: hasStream && !streamOff ? solver : "off", sweeps, propagation, sweepGradient, iterations };
}

function requireCount(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new SstError("invalid-argument", `${name} should be a whole number of at least 1, but is ${value}`);
}

function requireKnown(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new SstError("invalid-argument", `there is no ${name} "${value}"; there are ${known.join(", ")}`);
}
