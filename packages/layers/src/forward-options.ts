/** How a forward pass runs, and which wishes contradict each other. */
import { SstError, type Tensor } from "@sst/tensor";
import type { KvCache } from "./caches/kv-cache.js";
import type { LatentStateCache } from "./caches/latent-state-cache.js";
import type { ModelConfig } from "./config.js";
import type { Documents } from "./documents.js";
import { requireCount } from "./require-count.js";
import type { Propagation } from "./state-stream/propagation.js";

export type Solver = "sequential" | "layerwise" | "two-pass";

export type SweepGradient = "last" | "all";

/** Iterations at some positions; the others are read once, in parallel. */
export interface ChosenIterations {
  readonly count: number;
  /** Counted from the chunk's first position, negative ones from its end: `[-1]` is the last position. */
  readonly positions: readonly number[];
}

/** Which columns of a pass a layer's states belong to. */
export interface StateColumns {
  readonly layer: number;
  /** The first of the positions, counted from the chunk's first. */
  readonly start: number;
  /** Positions. */
  readonly time: number;
  /** Columns of each position, next to each other: its iterations in order. */
  readonly iterations: number;
  /**
   * The first of those iterations, counted from 1: above 1 only with recirculation, where every iteration of a position is a
   * run over the stack of its own.
   */
  readonly firstIteration: number;
}

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
  /** Iterations at every position of the chunk, or at chosen ones; at least 1. Defaults to 1. */
  readonly iterations?: number | ChosenIterations;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
  /** Caches to continue from and to write to. */
  readonly caches?: { readonly kv: KvCache; readonly states: LatentStateCache };
  /** Computes logits for the last position only. */
  readonly lastPositionOnly?: boolean;
  /**
   * Computes logits after every iteration, not after each position's last alone: the time axis then holds a column for each
   * iteration of each position, in order.
   */
  readonly everyIteration?: boolean;
  /**
   * Where the rows hold several documents each (`documentTensors`, for as many iterations); not with caches, chosen positions
   * or recirculation.
   */
  readonly documents?: Documents;
  /**
   * Gradient checkpointing: the backward pass computes each layer again instead of keeping what it computed. For training;
   * without caches, `onResidual`, `onStates`, chosen positions and recirculation.
   */
  readonly recompute?: boolean;
  /** Called for every layer with its residual, to be awaited; costs one more sweep each. */
  readonly onResidual?: (layer: number, residual: Promise<number>) => void;
  /**
   * Called for every layer with the states that it leaves, `[batch, time · iterations, hiddenSize]`: once in a pass, or for each
   * part of it where chosen positions or recirculation cut it. The tensor is valid until the call returns: keep a clone.
   */
  readonly onStates?: (columns: StateColumns, states: Tensor) => void;
}

/** What a pass reads from caches and writes to them. */
export interface PassCaches {
  readonly kv: Pick<KvCache, "length" | "capacity" | "keys" | "values" | "write">;
  readonly states: Pick<LatentStateCache, "isFilled" | "state" | "write">;
}

/** The part of the options that a pass looks at itself, its caches of whatever kind. */
export interface PassOptions
  extends Pick<
    ForwardOptions,
    "documents" | "everyIteration" | "lastPositionOnly" | "onResidual" | "onStates" | "recompute"
  > {
  readonly caches?: PassCaches | undefined;
}

/** Options with everything decided. */
export interface ForwardPlan {
  readonly solver: Solver | "off";
  readonly sweeps: number;
  readonly propagation: Propagation;
  readonly sweepGradient: SweepGradient;
  readonly iterations: number;
  /** Which positions iterate; undefined for all. */
  readonly positions: readonly number[] | undefined;
}

const solvers: readonly string[] = ["sequential", "layerwise", "two-pass"] satisfies Solver[];
const propagations: readonly string[] = ["shift", "scan"] satisfies Propagation[];
const sweepGradients: readonly string[] = ["last", "all"] satisfies SweepGradient[];

/** @throws SstError `contradiction` or `invalid-argument`, naming the options */
export function planForward(config: ModelConfig, options: ForwardOptions): ForwardPlan {
  const { solver = "sequential", sweeps = 2, propagation = "scan", sweepGradient = "last" } = options;
  const { streamOff = false } = options;
  const { count: iterations, positions } = chosenIterations(options.iterations ?? 1);
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
  if (options.documents && options.caches) {
    throw new SstError(
      "contradiction",
      "rows of several documents begin anew in the middle, so they go without caches",
    );
  }
  if (options.recompute && (options.caches || options.onResidual || options.onStates)) {
    throw new SstError(
      "contradiction",
      "layers that are computed again (recompute) go without caches, onResidual and onStates",
    );
  }
  const isCut = iterations > 1 && (positions !== undefined || config.stateStream?.recirculate === true);
  if (isCut && (options.documents || options.recompute)) {
    const option = options.documents ? "documents" : "recompute";
    throw new SstError(
      "contradiction",
      `iterations at chosen positions, or with recirculation, hand keys and states on within a pass: leave out "${option}"`,
    );
  }
  const wished = { sweeps, propagation, sweepGradient, iterations, positions };
  return { solver: hasStream && !streamOff ? solver : "off", ...wished };
}

function chosenIterations(given: number | ChosenIterations): {
  count: number;
  positions: readonly number[] | undefined;
} {
  return typeof given === "number" ? { count: given, positions: undefined } : given;
}

function requireKnown(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new SstError("invalid-argument", `there is no ${name} "${value}"; there are ${known.join(", ")}`);
}
