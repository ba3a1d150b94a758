/** The recipes that the search runs: the sizes of "think longer" with all variants, and ways of asking for depth. */
import { type ThinkRecipe, type ThinkVariant, thinkRecipes, thinkVariants, variantName } from "./recipes.js";
import type { ThinkResult } from "./result.js";

export interface Trial {
  readonly group: "small" | "full" | "asking" | "tokens";
  readonly name: string;
  readonly recipe: ThinkRecipe;
  readonly variant: ThinkVariant;
}

/** A line of the results. */
export interface TrialResult {
  readonly group: Trial["group"];
  readonly trial: string;
  readonly result: Omit<ThinkResult, "lossCurve" | "model">;
}

const [small] = thinkRecipes.small as [ThinkRecipe];
const [tokens] = thinkRecipes.tokens as [ThinkRecipe];
const [full] = thinkRecipes.full as [ThinkRecipe];
/** The small recipe with more time for each depth: not every way of asking learns as fast. */
const patient: ThinkRecipe = {
  ...{ ...small, steps: 850 },
  iterations: [
    { from: 0, count: 1 },
    { from: 200, count: 2 },
    { from: 300, count: 3 },
    { from: 400, count: 4 },
  ],
};
const atOnce = [{ from: 0, count: patient.hops }];

function allVariants(group: Trial["group"], recipe: ThinkRecipe): Trial[] {
  return thinkVariants.map((variant) => ({ group, name: variantName(variant), recipe, variant }));
}

/** Differences from the patient recipe, all with recirculation. */
const waysOfAsking: Readonly<Record<string, Partial<ThinkRecipe>>> = {
  "stages, full depth at once": { iterations: atOnce },
  "answers of the last iteration, full depth at once": { asks: "last", iterations: atOnce },
  "answers of all iterations, full depth at once": { asks: "all", iterations: atOnce },
  "answers of the last iteration, depth grows": { asks: "last" },
  "answers of the last iteration, depth and hops grow": { asks: "last", hopsGrow: true },
  "answers of all iterations, depth and hops grow": { asks: "all", hopsGrow: true },
  "answers of the last iteration, depth and hops drawn, up to a depth that grows": {
    ...{ asks: "last", hopsGrow: true, drawsDepth: true },
  },
  "answers of the last iteration, depth and hops drawn at once": {
    ...{ asks: "last", hopsGrow: true, drawsDepth: true, iterations: atOnce },
  },
};

export const trials: readonly Trial[] = [
  ...allVariants("small", small),
  ...Object.entries(waysOfAsking).map(
    ([name, changes]): Trial => ({
      group: "asking",
      name,
      recipe: { ...patient, ...changes },
      variant: "recirculation",
    }),
  ),
  ...allVariants("tokens", tokens),
  ...allVariants("full", full),
];
