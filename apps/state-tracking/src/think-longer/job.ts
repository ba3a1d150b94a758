/** One model of "think longer", and how long it trains. */
import { type ModelConfig, paperAlpha, smallDecoder } from "@sst/layers";
import { HopTask } from "@sst/loaders";
import { batchSize } from "../sizes.js";
import { trainingFlops } from "./flops.js";
import { asksOnlyLast, depthAt, hopsBeyond, type ThinkRecipe, type ThinkVariant, tablesAt } from "./recipes.js";

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
export function thinkSteps(training: Training): number {
  if (training.variant !== "plain") return training.recipe.steps;
  const flops = flopsByStep(training);
  let steps = 0;
  // To the nearest step.
  for (let left = totalFlops({ ...training, variant: "recirculation" }); left >= flops(steps) / 2; steps++) {
    left -= flops(steps);
  }
  return steps;
}

/** Floating-point operations of the whole training. */
export function totalFlops(training: Training): number {
  const steps = thinkSteps(training);
  const flops = flopsByStep(training);
  let total = 0;
  for (let step = 0; step < steps; step++) total += flops(step);
  return total;
}

function flopsByStep({ recipe, variant, seed }: Training): (step: number) => number {
  const task = taskOf(recipe);
  const config = configOf({ recipe, variant });
  return (step) => {
    const { entries, queries } = tablesAt(recipe, seed, step);
    const time = task.time(entries, queries);
    const iterations = variant === "plain" ? 1 : depthAt(recipe, seed, step).iterations;
    const asked = asksOnlyLast(recipe) ? iterations : time - 1 + iterations;
    return batchSize * trainingFlops(config, { time, iterations, asked });
  };
}
