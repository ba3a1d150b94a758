/** Runs one job in this process: trains, evaluates and saves its models. */
import { join } from "node:path";
import {
  DecoderModel,
  initializeModel,
  type ModelData,
  paperAlpha,
  smallAlphaInitialization,
  smallDecoder,
} from "@sst/layers";
import { createMixture, createTask, saveModel, type Task } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { coTrain, type StepReport, Trainer, type TrainerOptions } from "@sst/train";
import { trainingBatches } from "./batches.js";
import { evaluateRun } from "./evaluation.js";
import { coTrainedRecipe, type Job, type Recipe } from "./experiments.js";
import { LossCurve } from "./loss-curve.js";
import type { RunResult } from "./results.js";
import type { ThinkResult } from "./think-longer/result.js";
import { runThinkJob } from "./think-longer/run.js";

export interface RunContext {
  /** Folder of the report; models go to `models/` in it. */
  readonly outputFolder: string;
  readonly onStep: (report: StepReport) => void;
}

export async function runJob(job: Job, context: RunContext): Promise<(RunResult | ThinkResult)[]> {
  switch (job.part) {
    case "scratch":
      return [await runScratch(job.recipe, job.seed, job.stream, context)];
    case "cotrained":
      return runCoTrained(job.seed, context);
    case "think-longer":
      return [await runThinkJob(job, context)];
  }
}

async function runScratch(recipe: Recipe, seed: number, stream: boolean, context: RunContext): Promise<RunResult> {
  const task = createTask(recipe.task);
  const curve = new LossCurve(context.onStep);
  using model = await trainFromScratch([task], recipe, seed, stream, curve);
  return await finish({ part: "scratch", task, recipe, seed, stream, curve, model }, context);
}

/** A new model on one or several tasks. With and without the stream: same seed, same first weights, same batches. */
export async function trainFromScratch(
  tasks: readonly Task[],
  recipe: Omit<Recipe, "task"> & Pick<TrainerOptions, "deliberation">,
  seed: number,
  stream: boolean,
  curve: LossCurve,
): Promise<DecoderModel> {
  const { hiddenSize } = recipe;
  const vocabSize = (tasks[0] as Task).vocabulary.size;
  const config = smallDecoder({ hiddenSize, vocabSize, ...(stream && { stateStream: paperAlpha }) });
  const start = initializeModel(config, new Random(`weights/${seed}`), smallAlphaInitialization);
  const model = DecoderModel.fromData(start);
  using trainer = new Trainer(model, recipe);
  await trainer.run(trainingBatches(tasks, seed, recipe.trainedLength), (report) => curve.add(report));
  return model;
}

async function runCoTrained(seed: number, context: RunContext): Promise<RunResult[]> {
  const { pretraining, coTraining } = coTrainedRecipe;
  const mixture = createMixture(pretraining.tasks.map(createTask));
  const backbone = await pretrain(mixture.tasks, seed, context);
  const task = mixture.task(coTraining.task);
  const curves = { stream: new LossCurve(context.onStep), baseline: new LossCurve(context.onStep) };
  const models = await coTrain(backbone, {
    seed,
    stateStream: paperAlpha,
    theta: smallAlphaInitialization.theta,
    trainer: coTraining,
    batches: trainingBatches([task], seed, coTraining.trainedLength),
    onStep: (variant, report) => curves[variant].add(report),
  });
  using streamModel = models.stream;
  using baselineModel = models.baseline;
  const shared = { part: "cotrained", task, recipe: coTraining, seed } as const;
  return [
    await finish({ ...shared, stream: true, curve: curves.stream, model: streamModel }, context),
    await finish({ ...shared, stream: false, curve: curves.baseline, model: baselineModel }, context),
  ];
}

async function pretrain(tasks: readonly Task[], seed: number, context: RunContext): Promise<ModelData> {
  using model = await trainFromScratch(tasks, coTrainedRecipe.pretraining, seed, false, new LossCurve(context.onStep));
  return await model.toData();
}

interface FinishedTraining {
  readonly part: RunResult["part"];
  readonly task: Task;
  readonly recipe: { readonly trainedLength: number; readonly steps: number };
  readonly seed: number;
  readonly stream: boolean;
  readonly curve: LossCurve;
  readonly model: DecoderModel;
}

async function finish(run: FinishedTraining, context: RunContext): Promise<RunResult> {
  const { part, task, recipe, seed, stream, curve, model } = run;
  const folder = `models/${part}-${task.name}-seed${seed}-${stream ? "stream" : "baseline"}`;
  await saveModel(join(context.outputFolder, folder), model, { vocabulary: task.vocabulary, overwrite: true });
  return {
    part,
    task: task.name,
    seed,
    stream,
    solver: stream ? "sequential" : "none",
    steps: recipe.steps,
    seconds: curve.seconds,
    trainedLength: recipe.trainedLength,
    ...(await evaluateRun(model, task, seed, recipe.trainedLength)),
    lossCurve: curve.points,
    model: folder,
  };
}
