/**
 * "Think longer": k-hop, a task that needs one lookup after another, by a model that iterates at the answer and is asked for
 * one hop more after each iteration. Beside it the same without recirculation, and a model without iterations that is asked
 * for the answer and trained with as many floating-point operations.
 */
import type { HopTaskOptions } from "@sst/loaders";
import { type Deliberation, drawnIterations } from "@sst/train";

/** With recirculation, with the stream as the paper defines it, and the plain transformer without iterations. */
export const thinkVariants = ["recirculation", "stream", "plain"] as const;

export type ThinkVariant = (typeof thinkVariants)[number];

/** As it reads after "k-hop" or a task's name. */
export function variantName(variant: ThinkVariant): string {
  const names = {
    recirculation: "with recirculation",
    stream: "with the stream as defined",
    plain: "without iterations",
  };
  return names[variant];
}

export interface ThinkRecipe {
  readonly form: HopTaskOptions["form"];
  readonly nodes: number;
  /** Most hops, and most iterations, in training. */
  readonly hops: number;
  readonly hiddenSize: number;
  readonly learningRate: number;
  /** Of the models that iterate; the one that does not takes as many as its operations allow. */
  readonly steps: number;
  /** Iterations from a step on: depth grows while shallower lookups are learned. */
  readonly iterations: readonly { readonly from: number; readonly count: number }[];
  /**
   * What is asked of the iterations: by stages one hop more of each, the answer of the last one alone, or the answer of all.
   * Defaults to `staged`.
   */
  readonly asks?: Deliberation["loss"];
  /** Whether training asks for no more hops than there are iterations; otherwise for all from the first step on. */
  readonly hopsGrow?: boolean;
  /** Whether each step draws its iterations, from 1 up to what `iterations` says. */
  readonly drawsDepth?: boolean;
}

/** `npm start`. */
const small: ThinkRecipe = {
  ...{ form: "packed", nodes: 8, hops: 4, hiddenSize: 32, learningRate: 8e-3, steps: 850 },
  iterations: [
    { from: 0, count: 1 },
    { from: 200, count: 2 },
    { from: 300, count: 3 },
    { from: 400, count: 4 },
  ],
};

const full: ThinkRecipe = {
  ...{ form: "packed", nodes: 16, hops: 8, hiddenSize: 64, learningRate: 4e-3, steps: 3000 },
  iterations: [
    { from: 0, count: 1 },
    { from: 450, count: 2 },
    { from: 600, count: 3 },
    { from: 800, count: 5 },
    { from: 1000, count: 8 },
  ],
};

export type ThinkSize = "small" | "full";

export const thinkRecipes: Readonly<Record<ThinkSize, readonly ThinkRecipe[]>> = { small: [small], full: [full] };

/** Hop counts above the trained ones, that the vocabulary has symbols for. */
export function hopsBeyond({ hops }: ThinkRecipe): { readonly from: number; readonly to: number } {
  return { from: hops + 1, to: hops + hops / 2 };
}

/** How deep a model is asked to think in the evaluation: twice as deep as in training. */
export function deepest({ hops }: ThinkRecipe): number {
  return 2 * hops;
}

/** Iterations at a step, and the most hops that its batch asks for. */
export function depthAt(recipe: ThinkRecipe, seed: number, step: number): { iterations: number; hops: number } {
  const most = recipe.iterations.findLast(({ from }) => step >= from)?.count ?? 1;
  const iterations = recipe.drawsDepth ? drawnIterations(1, most, seed)(step) : most;
  return { iterations, hops: recipe.hopsGrow ? iterations : recipe.hops };
}
