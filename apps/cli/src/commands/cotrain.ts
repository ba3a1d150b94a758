/** `sst cotrain`: the state stream and adapters into a pretrained model, and the matched baseline beside it. */
import { basename, join } from "node:path";
import { meanLoss } from "@sst/eval";
import { type DecoderModel, pretrainedTheta, type StateStreamConfig } from "@sst/layers";
import { noteFiles, readModelData, requireWritable, saveModels } from "@sst/loaders";
import { type CoTrainVariant, defaultLora, loraOfRank, shortWarmup } from "@sst/train";
import { Command } from "commander";
import {
  alphaBounds,
  type CommonOptions,
  number,
  wholeNumber,
  withAlphaOptions,
  withCommonOptions,
} from "../arguments.js";
import { openBackend } from "../backend.js";
import { loadMatchingTokenizer, modelDescription, noteModel, openSource } from "../model-source.js";
import { conductPair, variants } from "../training/conduct-pair.js";
import { evaluationBatches, readTexts, stepBatches } from "../training/cotrain-texts.js";
import { type RunOptions, withRunOptions } from "../training/run-options.js";
import { type TrainingSolverOptions, trainingForward, withTrainingSolverOptions } from "../training/solver-options.js";
import { requireRowLength } from "../training/text-training.js";

interface CotrainOptions extends CommonOptions, RunOptions, TrainingSolverOptions, StateStreamConfig {
  readonly model: string;
  readonly data: string;
  readonly out: string;
  readonly overwrite?: boolean;
  readonly steps: number;
  readonly length: number;
  readonly batchSize: number;
  readonly rank: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly evalRows: number;
}

export function cotrainCommand(): Command {
  const command = new Command("cotrain")
    .description("Co-train the state stream into a pretrained model, with its matched baseline")
    .requiredOption("--model <where>", modelDescription)
    .requiredOption("--data <path>", "GSM8K: a folder with train.jsonl and test.jsonl, or one such file")
    .requiredOption("--out <folder>", "where stream/ and baseline/ are written")
    .option("--overwrite", "replace what is at --out")
    .option("--steps <N>", "optimiser steps", wholeNumber(1), 100)
    .option("--length <N>", "tokens in a row", wholeNumber(2), 128)
    .option("--batch-size <N>", "rows in a batch", wholeNumber(1), 8)
    .option("--rank <N>", "rank of the adapters on every linear layer", wholeNumber(1), defaultLora.rank)
    .option("--learning-rate <X>", "highest rate of the schedule; theta's is ten times it", number(0), 2e-3)
    .option("--seed <N>", "seed of adapters and data", wholeNumber(0), 0)
    .option(
      "--eval-rows <N>",
      "rows for an evaluation, each beginning with another problem: of the test split, with --eval-every of the last tenth of the others",
      wholeNumber(1),
      500,
    );
  return withCommonOptions(withRunOptions(withTrainingSolverOptions(withAlphaOptions(command)))).action(run);
}

async function run(options: CotrainOptions): Promise<void> {
  const { data: path, evalRows, learningRate, length, out, rank, seed, steps } = options;
  const stateStream = alphaBounds(options);
  await requireWritable(out, { overwrite: options.overwrite ?? false });
  await openBackend(options.backend);
  const source = await openSource(options.model);
  const noted = await noteModel(source);
  const files = [...noted.files, ...(await noteFiles(path))];
  const data = await readModelData(source);
  const tokenizer = await loadMatchingTokenizer(source, data.config);
  requireRowLength(length, data.config);
  const holdsOut = options.evalEvery !== undefined;
  const texts = await readTexts(path, tokenizer, holdsOut);
  const held = holdsOut ? evaluationBatches(texts.held, evalRows, options) : [];
  const models = await conductPair(data, {
    options,
    out,
    data: files,
    configuration: { ...sizesOf(options), data: basename(path), holdsOut, ...noted.configuration },
    evaluationLoss: async (model) => (await meanLoss(model, held)).loss,
    coTraining: {
      seed,
      stateStream,
      theta: pretrainedTheta,
      lora: loraOfRank(rank),
      trainer: { steps, learningRate, warmupSteps: shortWarmup(steps) },
      streamForward: trainingForward(options),
      batches: (step) => stepBatches(texts.train, step, options),
    },
  });
  if (models === undefined) return;
  using stream = models.stream;
  using baseline = models.baseline;
  await saveModels(
    out,
    variants.map((variant) => ({ name: variant, model: models[variant], tokenizer })),
    { overwrite: options.overwrite ?? false },
  );
  const batches = evaluationBatches(texts.test, evalRows, options);
  const tested = {
    baseline: await meanLoss(baseline, batches),
    stream: await meanLoss(stream, batches),
  };
  report(options, tested, await alphaRange(stream));
}

function sizesOf({ accumulate, batchSize, length, seed }: CotrainOptions) {
  return { accumulate, batchSize, length, seed };
}

async function alphaRange(model: DecoderModel): Promise<{ min: number; mean: number; max: number }> {
  const weights = model.weights();
  const all = (
    await Promise.all(weights.layers.map(async ({ alpha }) => Array.from((await alpha?.data()) ?? [])))
  ).flat();
  weights.dispose();
  return { min: Math.min(...all), mean: all.reduce((a, b) => a + b, 0) / all.length, max: Math.max(...all) };
}

function report(
  options: CotrainOptions,
  tested: Record<CoTrainVariant, { loss: number; perplexity: number; labels: number }>,
  alpha: { min: number; mean: number; max: number },
): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ steps: options.steps, test: tested, alpha, out: options.out })}\n`);
    return;
  }
  process.stdout.write(`Test split, ${tested.stream.labels} tokens, exact inference:\n`);
  for (const [variant, { loss, perplexity }] of Object.entries(tested)) {
    process.stdout.write(`  ${variant.padEnd(8)}  loss ${loss.toFixed(4)}  perplexity ${perplexity.toFixed(3)}\n`);
  }
  const difference = tested.stream.loss - tested.baseline.loss;
  process.stdout.write(
    `The stream ${difference < 0 ? "lowers" : "raises"} the loss by ${Math.abs(difference).toFixed(4)} nats. ` +
      `Learned alpha: ${alpha.min.toFixed(4)} to ${alpha.max.toFixed(4)}, mean ${alpha.mean.toFixed(4)}.\n` +
      `Saved: ${join(options.out, "stream")} and ${join(options.out, "baseline")}\n`,
  );
}
