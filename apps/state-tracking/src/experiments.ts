/**
 * What is compared, and by which recipe. The recipes are the prototype's "F" (small embeddings and a small attention
 * output, so that a blend of at most 0.10 can carry a computation; the answer asked for at every position).
 */

import { smallDecoder } from "@sst/layers";
import { batchSize } from "./sizes.js";
import { trainingFlops } from "./think-longer/flops.js";
import { type ThinkJob, taskOf, thinkSteps, totalFlops } from "./think-longer/job.js";
import { type ThinkRecipe, thinkVariants, variantName } from "./think-longer/recipes.js";

export interface Recipe {
  readonly task: string;
  /** Longest sequence in training; every batch has one length, uniform from a quarter of it on. */
  readonly trainedLength: number;
  readonly hiddenSize: number;
  readonly steps: number;
  readonly learningRate: number;
}

/** From scratch: each task by a model of its own. */
export const scratchRecipes: readonly Recipe[] = [
  { task: "parity", trainedLength: 24, hiddenSize: 64, steps: 600, learningRate: 3e-3 },
  { task: "sum5", trainedLength: 16, hiddenSize: 64, steps: 1000, learningRate: 2e-3 },
  { task: "s3", trainedLength: 16, hiddenSize: 32, steps: 500, learningRate: 3e-3 },
];

/** Co-trained: adapters (and the stream) on a frozen backbone that was pretrained on several tasks without a stream. */
export const coTrainedRecipe = {
  pretraining: { tasks: ["parity", "sum5", "s3"], hiddenSize: 64, trainedLength: 16, steps: 500, learningRate: 2e-3 },
  coTraining: { task: "s3", trainedLength: 16, steps: 1200, learningRate: 4e-3 },
} as const;

/** Most iterations at the answer position. */
export const maximumIterations = 4;

/** One unit of work for a worker process. */
export type Job =
  | { readonly part: "scratch"; readonly recipe: Recipe; readonly seed: number; readonly stream: boolean }
  | { readonly part: "cotrained"; readonly seed: number }
  | ThinkJob;

export type Part = Job["part"];

export const parts: readonly Part[] = ["scratch", "cotrained", "think-longer"];

/** All jobs of some parts for some seeds, the longest first so that the cores finish together. */
export function jobsFor(seeds: readonly number[], wanted: readonly Part[], thinking: readonly ThinkRecipe[]): Job[] {
  const scratch = seeds.flatMap((seed) =>
    scratchRecipes.flatMap((recipe) => [true, false].map((stream): Job => ({ part: "scratch", recipe, seed, stream }))),
  );
  const longer = seeds.flatMap((seed) =>
    thinking.flatMap((recipe) =>
      thinkVariants.map((variant): Job => ({ part: "think-longer", recipe, seed, variant })),
    ),
  );
  const all = [...seeds.map((seed): Job => ({ part: "cotrained", seed })), ...longer, ...scratch];
  const costs = new Map(all.map((job) => [job, costOf(job)]));
  return all
    .filter(({ part }) => wanted.includes(part))
    .sort((left, right) => (costs.get(right) as number) - (costs.get(left) as number));
}

/** About how many floating-point operations a job takes. */
function costOf(job: Job): number {
  if (job.part === "think-longer") return totalFlops(job);
  if (job.part === "scratch") return stepFlops(job.recipe) * job.recipe.steps;
  const { pretraining, coTraining } = coTrainedRecipe;
  const adapted = stepFlops({ ...pretraining, ...coTraining });
  return stepFlops(pretraining) * pretraining.steps + 2 * adapted * coTraining.steps;
}

/** Of a training step, at the mean length of a batch; the stream and the few symbols make little of it. */
function stepFlops({ hiddenSize, trainedLength }: Pick<Recipe, "hiddenSize" | "trainedLength">): number {
  const time = (trainedLength / 4 + trainedLength) / 2;
  return batchSize * trainingFlops(smallDecoder({ hiddenSize, vocabSize: 8 }), { time, iterations: 1, asked: time });
}

/** Steps of training that a job takes in all. */
export function stepsOf(job: Job): number {
  if (job.part === "scratch") return job.recipe.steps;
  if (job.part === "think-longer") return thinkSteps(job);
  return coTrainedRecipe.pretraining.steps + 2 * coTrainedRecipe.coTraining.steps;
}

export function titleOf(job: Job): string {
  switch (job.part) {
    case "cotrained":
      return `${coTrainedRecipe.coTraining.task} co-trained, seed ${job.seed}`;
    case "think-longer":
      return `${taskOf(job.recipe).name} ${variantName(job.variant)}, seed ${job.seed}`;
    case "scratch":
      return `${job.recipe.task} ${job.stream ? "with" : "without"} stream, seed ${job.seed}`;
  }
}
