/** `sst cotrain`: the state stream and adapters into a pretrained model, and the matched baseline beside it. */
import { join } from "node:path";
import { meanLoss } from "@sst/eval";
import type { DecoderModel, ModelConfig, StateStreamConfig } from "@sst/layers";
import {
  gsm8kText,
  loadTokenizer,
  readGsm8k,
  readModelData,
  requireWritable,
  saveModels,
  type Tokenizer,
} from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { type Batch, type CoTrainVariant, coTrain, defaultLora, nextTokenBatch } from "@sst/train";
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
import { trainingProgress } from "../progress.js";
import { EncodedTexts, stepRows } from "../text-rows.js";
import { type TrainingSolverOptions, trainingForward, withTrainingSolverOptions } from "../training/solver-options.js";

interface CotrainOptions extends CommonOptions, TrainingSolverOptions, StateStreamConfig {
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

/** Low in alpha's range, about where it settles on pretrained models: the stream disturbs the backbone little at first. */
const initialTheta = -2;

const variants: readonly CoTrainVariant[] = ["baseline", "stream"];

export function cotrainCommand(): Command {
  const command = new Command("cotrain")
    .description("Co-train the state stream into a pretrained model, with its matched baseline")
    .requiredOption("--model <folder>", "the pretrained model's folder")
    .requiredOption("--data <path>", "GSM8K: a folder with train.jsonl and test.jsonl, or one such file")
    .requiredOption("--out <folder>", "where stream/ and baseline/ are written")
    .option("--overwrite", "replace what is at --out")
    .option("--steps <N>", "optimiser steps", wholeNumber(1), 100)
    .option("--length <N>", "tokens in a row", wholeNumber(2), 128)
    .option("--batch-size <N>", "rows in a batch", wholeNumber(1), 8)
    .option("--rank <N>", "rank of the adapters on every linear layer", wholeNumber(1), defaultLora.rank)
    .option("--learning-rate <X>", "highest rate of the schedule; the stream's is ten times it", number(0), 2e-3)
    .option("--seed <N>", "seed of adapters and data", wholeNumber(0), 0)
    .option(
      "--eval-rows <N>",
      "rows for the evaluation, each beginning with another problem of the test split",
      wholeNumber(1),
      500,
    );
  return withCommonOptions(withTrainingSolverOptions(withAlphaOptions(command))).action(run);
}

async function run(options: CotrainOptions): Promise<void> {
  const stateStream = alphaBounds(options);
  await requireWritable(options.out, { overwrite: options.overwrite ?? false });
  await openBackend(options.backend);
  const data = await readModelData(options.model);
  const tokenizer = await loadTokenizer(options.model);
  checkRowLength(options, data.config);
  const { train, test } = await readTexts(options.data, tokenizer);
  const progress = trainingProgress(options.steps);
  const losses: Record<CoTrainVariant, number> = { baseline: Number.NaN, stream: Number.NaN };
  const models = await coTrain(data, {
    seed: options.seed,
    stateStream,
    theta: initialTheta,
    lora: { ...defaultLora, rank: options.rank, alpha: 2 * options.rank },
    trainer: {
      steps: options.steps,
      learningRate: options.learningRate,
      warmupSteps: Math.min(50, Math.ceil(options.steps / 10)),
    },
    streamForward: trainingForward(options),
    batches: (step) => [nextTokenBatch(stepRows(train, options.seed, step, options.batchSize, options.length + 1))],
    onStep: (variant, { step, loss }) => {
      losses[variant] = loss;
      if (variant === "stream")
        progress.update(step, { "stream loss": losses.stream, "baseline loss": losses.baseline });
    },
  }).finally(() => progress.stop());
  using stream = models.stream;
  using baseline = models.baseline;
  await saveModels(
    options.out,
    variants.map((variant) => ({ name: variant, model: models[variant], tokenizer })),
    { overwrite: options.overwrite ?? false },
  );
  const batches = evaluationBatches(test, options);
  const tested = {
    baseline: await meanLoss(baseline, batches),
    stream: await meanLoss(stream, batches),
  };
  report(options, tested, await alphaRange(stream));
}

function checkRowLength({ length }: CotrainOptions, { maxPositionEmbeddings }: ModelConfig): void {
  if (length <= maxPositionEmbeddings) return;
  throw new SstError(
    "context-overflow",
    `--length ${length} does not fit the model's context of ${maxPositionEmbeddings}`,
  );
}

/** GSM8K's two splits; of a single file the last tenth is the test split. */
async function readTexts(path: string, tokenizer: Tokenizer): Promise<{ train: EncodedTexts; test: EncodedTexts }> {
  const { train, test } = await readGsm8k(path);
  return {
    train: new EncodedTexts(train.map(gsm8kText), tokenizer),
    test: new EncodedTexts(test.map(gsm8kText), tokenizer),
  };
}

/** As in training, every row begins with a problem: what a model says without its start token is another question. */
function evaluationBatches(test: EncodedTexts, { length, batchSize, evalRows }: CotrainOptions): Batch[] {
  const count = Math.min(evalRows, test.count);
  const rows = Array.from({ length: count }, (_, first) => test.rowFrom(first, length + 1));
  const batchCount = Math.ceil(count / batchSize);
  return Array.from({ length: batchCount }, (_, index) =>
    nextTokenBatch(rows.slice(index * batchSize, (index + 1) * batchSize)),
  );
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
  for (const variant of variants) {
    const { loss, perplexity } = tested[variant];
    process.stdout.write(`  ${variant.padEnd(8)}  loss ${loss.toFixed(4)}  perplexity ${perplexity.toFixed(3)}\n`);
  }
  const difference = tested.stream.loss - tested.baseline.loss;
  process.stdout.write(
    `The stream ${difference < 0 ? "lowers" : "raises"} the loss by ${Math.abs(difference).toFixed(4)} nats. ` +
      `Learned alpha: ${alpha.min.toFixed(4)} to ${alpha.max.toFixed(4)}, mean ${alpha.mean.toFixed(4)}.\n` +
      `Saved: ${join(options.out, "stream")} and ${join(options.out, "baseline")}\n`,
  );
}
