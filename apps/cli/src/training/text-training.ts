/** Training a model that there is on question-and-answer texts: all of it, adapters, or the stream's parameters alone. */
import { basename } from "node:path";
import { meanLoss } from "@sst/eval";
import {
  DecoderModel,
  isStreamParameter,
  type ModelConfig,
  type ModelData,
  pretrainedTheta,
  targetsMatching,
  withAdditionsOf,
  withLora,
  withStateStream,
} from "@sst/layers";
import {
  type Gsm8kProblem,
  gsm8kText,
  gsm8kTokens,
  noteFiles,
  readGsm8k,
  readModelData,
  saveModel,
  saveModelData,
} from "@sst/loaders";
import { Random, SstError } from "@sst/tensor";
import {
  asksWithin,
  DocumentBatches,
  documentBatches,
  documentsWhenAsked,
  loraOfRank,
  type TokenDocument,
} from "@sst/train";
import type { QuantizeOption } from "../arguments.js";
import { loadMatchingTokenizer } from "../model-source.js";
import type { Prepared } from "./prepared.js";
import { evaluationForward, type TrainingSolverOptions } from "./solver-options.js";
import { newStream, requireFitting, type StreamOptions } from "./stream-options.js";
import type { AdapterOptions, Trained } from "./text-options.js";

export interface TextTrainingOptions extends TrainingSolverOptions, StreamOptions, QuantizeOption, AdapterOptions {
  readonly data: string;
  readonly evalData?: string;
  readonly overwrite?: boolean;
  readonly length: number;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly seed: number;
  readonly train: Trained;
  readonly answersOnly?: boolean;
}

/** Held-out documents that an evaluation takes. */
const EVALUATED = 200;

export async function prepareText(folder: string, options: TextTrainingOptions): Promise<Prepared> {
  const {
    accumulate,
    answersOnly = false,
    batchSize,
    data,
    evalData,
    length,
    pack = false,
    quantize,
    seed,
    train,
  } = options;
  const noted = [
    ...(await noteFiles(folder)),
    ...(await noteFiles(data)),
    ...(evalData ? await noteFiles(evalData) : []),
  ];
  const given = await readModelData(folder);
  const tokenizer = await loadMatchingTokenizer(folder, given.config);
  requireTrainable(options, given);
  const backbone = withStream(given, options);
  requireFitting(options, backbone.config);
  const start = train === "adapters" && !backbone.adapter ? withAdapters(backbone, options) : backbone;
  const { held, trained } = await readProblems(options);
  const encode = (problem: Gsm8kProblem): TokenDocument =>
    answersOnly ? gsm8kTokens(problem, tokenizer) : { tokens: tokenizer.encode(gsm8kText(problem)) };
  const rows = { rows: batchSize, length, packed: pack };
  const batches = new DocumentBatches(documentsWhenAsked(trained, encode), { ...rows, seed, accumulate });
  const evaluated = documentBatches(heldOut(held, encode, length), rows);
  const model = DecoderModel.fromData(start, { quantize });
  const forward = evaluationForward(options);
  const evaluate = () => meanLoss(model, evaluated, forward);
  return {
    model,
    trainable: isTrained[train],
    batches,
    data: noted,
    configuration: {
      ...{ train, seed, length, batchSize, accumulate, pack, answersOnly, quantize: quantize ?? null },
      data: basename(data),
    },
    evaluationLoss: async () => (await evaluate()).loss,
    save: async (out) => {
      const beside = { tokenizer, overwrite: options.overwrite ?? false };
      if (train === "all") await saveModel(out, model, beside);
      else await saveModelData(out, await withAdditionsOf(start, model), beside);
    },
    result: async () => {
      const { labels, loss, perplexity } = await evaluate();
      return {
        figures: { evaluation: { loss, perplexity, labels } },
        words: `${labels} held-out tokens: loss ${loss.toFixed(4)}, perplexity ${perplexity.toFixed(3)}`,
      };
    },
  };
}

const isTrained: Record<Trained, (name: string) => boolean> = {
  all: () => true,
  adapters: (name) => name.includes(".lora_") || isStreamParameter(name),
  theta: isStreamParameter,
};

function requireTrainable({ length, quantize, streamOff, train }: TextTrainingOptions, { config }: ModelData): void {
  requireRowLength(length, config);
  if (train === "all" && quantize !== undefined) {
    throw new SstError(
      "contradiction",
      `what is packed (--quantize ${quantize}) cannot be trained: use --train adapters or theta`,
    );
  }
  if (train === "theta" && streamOff) {
    throw new SstError("contradiction", "--train theta trains the state stream, which --stream-off leaves out");
  }
}

export function requireRowLength(length: number, { maxPositionEmbeddings }: ModelConfig): void {
  if (length <= maxPositionEmbeddings) return;
  throw new SstError(
    "context-overflow",
    `--length ${length} does not fit the model's context of ${maxPositionEmbeddings}`,
  );
}

/** A model that has a stream keeps its own. */
function withStream(data: ModelData, options: StreamOptions): ModelData {
  if (data.config.stateStream && options.recirculate) {
    throw new SstError("contradiction", "--recirculate is for a stream that is put in, but the model has one already");
  }
  const stream = newStream(options);
  return data.config.stateStream || stream === undefined ? data : withStateStream(data, stream, pretrainedTheta);
}

function withAdapters(data: ModelData, { rank, seed, targets }: TextTrainingOptions): ModelData {
  const lora = { ...loraOfRank(rank), targetModules: targetsMatching(data.config, targets) };
  return withLora(data, lora, new Random(`adapters/${seed}`));
}

/** Of one file or folder the last tenth of the training split is held out; the test split stays unseen. */
async function readProblems({ data, evalData }: TextTrainingOptions) {
  const { train } = await readGsm8k(data);
  if (evalData !== undefined) {
    const other = await readGsm8k(evalData);
    return { trained: train, held: [...other.test, ...other.train] };
  }
  if (train.length < 2)
    throw new SstError("file-corrupt", `${data} holds ${train.length} problem to train on: too few`);
  const count = Math.max(1, Math.floor(train.length / 10));
  return { trained: train.slice(0, -count), held: train.slice(-count) };
}

/** The first ones whose answer begins within a row: the others ask for nothing. */
function heldOut(
  problems: readonly Gsm8kProblem[],
  encode: (problem: Gsm8kProblem) => TokenDocument,
  length: number,
): readonly TokenDocument[] {
  const asking: TokenDocument[] = [];
  for (const problem of problems) {
    const document = encode(problem);
    if (asksWithin(length, document)) asking.push(document);
    if (asking.length === EVALUATED) break;
  }
  if (asking.length > 0) return asking;
  throw new SstError(
    "invalid-argument",
    `no held-out text has an answer that begins within ${length} tokens: choose a larger --length`,
  );
}
