/**
 * "Think longer": k-hop, a task that needs one lookup after another, by a model that iterates at the answer and is asked for
 * one hop more after each iteration. Beside it the same without recirculation, and a model without iterations that is asked
 * for the answer and trained with as many floating-point operations.
 */
import type { HopTaskOptions } from "@sst/loaders";
import { Random } from "@sst/tensor";
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
  /** How looking up is taught before hops are. */
  readonly lessons: Lessons;
}

/** Small tables first, and more than one question about each: a lookup is found out much sooner. */
export interface Lessons {
  /** Tables begin with two entries and have one more after so many steps. */
  readonly stepsPerEntry: number;
  /** Most queries after a table; each step draws. All but the last are asked for what one iteration can tell. */
  readonly queries: number;
}

/** `npm start`. */
const small: ThinkRecipe = {
  ...{ form: "packed", nodes: 8, hops: 4, hiddenSize: 32, learningRate: 8e-3, steps: 550 },
  lessons: { stepsPerEntry: 14, queries: 1 },
  iterations: [
    { from: 0, count: 1 },
    { from: 100, count: 2 },
    { from: 130, count: 3 },
    { from: 160, count: 4 },
  ],
};

const full: ThinkRecipe = {
  ...{ form: "packed", nodes: 16, hops: 8, hiddenSize: 64, learningRate: 4e-3, steps: 3500 },
  lessons: { stepsPerEntry: 40, queries: 4 },
  iterations: [
    { from: 0, count: 1 },
    { from: 700, count: 2 },
    { from: 780, count: 3 },
    { from: 860, count: 4 },
    { from: 940, count: 6 },
    { from: 1040, count: 8 },
  ],
};

/** In tokens an iteration needs two lookups, one that puts entries together and one that finds them. */
const smallTokens: ThinkRecipe = {
  ...{ form: "tokens", nodes: 8, hops: 4, hiddenSize: 64, learningRate: 4e-3, steps: 2500 },
  lessons: { stepsPerEntry: 100, queries: 8 },
  iterations: [
    { from: 0, count: 1 },
    { from: 900, count: 2 },
    { from: 1050, count: 3 },
    { from: 1200, count: 4 },
  ],
};

export type ThinkSize = "small" | "tokens" | "full";

export const thinkRecipes: Readonly<Record<ThinkSize, readonly ThinkRecipe[]>> = {
  small: [small],
  tokens: [smallTokens],
  full: [full],
};

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

/** Whether nothing but the last position is asked in training. In tokens the entries are asked, too: see `asksBack` of `hopBatch`. */
export function asksOnlyLast({ form, lessons }: ThinkRecipe): boolean {
  return form === "packed" && lessons.queries === 1;
}

/** What the tables of a step look like: the same for all variants. */
export function tablesAt({ nodes, lessons }: ThinkRecipe, seed: number, step: number) {
  return {
    entries: Math.min(nodes, 2 + Math.floor(step / lessons.stepsPerEntry)),
    queries: 1 + new Random(`queries/${seed}/${step}`).integer(lessons.queries),
  };
}
