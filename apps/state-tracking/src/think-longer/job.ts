/** One model of "think longer", and how long it trains. */
import { type ModelConfig, paperAlpha, smallDecoder } from "@sst/layers";
import { HopTask } from "@sst/loaders";
import { batchSize } from "../sizes.js";
import { trainingFlops } from "./flops.js";
import { depthAt, hopsBeyond, type ThinkRecipe, type ThinkVariant } from "./recipes.js";

export interface ThinkJob {
  readonly part: "think-longer";
  readonly recipe: ThinkRecipe;
  readonly seed: number;
  readonly variant: ThinkVariant;
}

type Training = Omit<ThinkJob, "part">;

export function taskOf(recipe: ThinkRecipe): HopTask {
  return new HopTask({ form: recipe.form, nodes: recipe.nodes, hops: hopsBeyond(recipe).to });
}

export function configOf({ recipe, variant }: Omit<Training, "seed">): ModelConfig {
  const recirculates = variant === "recirculation" && { recirculate: true };
  return smallDecoder({
    hiddenSize: recipe.hiddenSize,
    vocabSize: taskOf(recipe).vocabulary.size,
    ...(variant !== "plain" && { stateStream: { ...paperAlpha, ...recirculates } }),
  });
}

/** Steps of training; a model without iterations takes as many as cost what the one with recirculation costs. */
export function thinkSteps({ recipe, variant, seed }: Training): number {
  if (variant !== "plain") return recipe.steps;
  const budget = totalFlops({ recipe, seed, variant: "recirculation" });
  return Math.round(budget / stepFlops({ recipe, variant })(1));
}

/** Floating-point operations of the whole training. */
export function totalFlops({ recipe, variant, seed }: Training): number {
  const steps = Array.from({ length: thinkSteps({ recipe, variant, seed }) }, (_, step) => step);
  const flops = stepFlops({ recipe, variant });
  const iterations = (step: number) => (variant === "plain" ? 1 : depthAt(recipe, seed, step).iterations);
  return steps.reduce((total, step) => total + flops(iterations(step)), 0);
}

/** Of a step of so many iterations. */
function stepFlops({ recipe, variant }: Omit<Training, "seed">): (iterations: number) => number {
  const time = taskOf(recipe).time(recipe.nodes, 1);
  const config = configOf({ recipe, variant });
  return (iterations) => batchSize * trainingFlops(config, time, iterations);
}
