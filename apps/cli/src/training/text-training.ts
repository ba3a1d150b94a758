/** Training a model that there is on texts: all of it, adapters, or the stream's parameters alone. */
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
import { noteFiles, readModelData, saveModel, saveModelData, type Tokenizer } from "@sst/loaders";
import { Random, SstError } from "@sst/tensor";
import { loraOfRank } from "@sst/train";
import type { QuantizeOption } from "../arguments.js";
import { loadMatchingTokenizer, noteModel, openSource } from "../model-source.js";
import type { Prepared } from "./prepared.js";
import { evaluationForward, type TrainingSolverOptions } from "./solver-options.js";
import { newStream, requireFitting, type StreamOptions } from "./stream-options.js";
import type { AdapterOptions, Trained } from "./text-options.js";
import { openTrainingData, type TrainingData, type TrainingDataOptions } from "./training-data.js";

export interface TextTrainingOptions
  extends TrainingSolverOptions,
    StreamOptions,
    QuantizeOption,
    AdapterOptions,
    TrainingDataOptions {
  readonly overwrite?: boolean;
  readonly train: Trained;
}

export async function prepareText(from: string, options: TextTrainingOptions): Promise<Prepared> {
  const { data, evalData, train } = options;
  const source = await openSource(from);
  const noted = await noteModel(source);
  const files = [...noted.files, ...(await noteFiles(data)), ...(evalData ? await noteFiles(evalData) : [])];
  const given = await readModelData(source);
  const tokenizer = await loadMatchingTokenizer(source, given.config);
  requireTrainable(options, given);
  const backbone = withStream(given, options);
  requireFitting(options, backbone.config);
  const start = train === "adapters" && !backbone.adapter ? withAdapters(backbone, options) : backbone;
  const opened = await openTrainingData(source, tokenizer, options);
  try {
    const { configuration, ...prepared } = preparedWith(opened, start, tokenizer, options);
    return { ...prepared, configuration: { ...configuration, ...noted.configuration }, data: files };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function preparedWith(
  { batches, close, configuration, evaluated }: TrainingData,
  start: ModelData,
  tokenizer: Tokenizer,
  options: TextTrainingOptions,
): Omit<Prepared, "data"> {
  const { accumulate, answersOnly = false, batchSize, data, length, pack = false, quantize, seed, train } = options;
  const model = DecoderModel.fromData(start, { quantize });
  const forward = evaluationForward(options);
  const evaluate = () => meanLoss(model, evaluated, forward);
  return {
    model,
    trainable: isTrained[train],
    batches,
    configuration: {
      ...{ train, seed, length, batchSize, accumulate, pack, answersOnly, quantize: quantize ?? null },
      ...configuration,
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
    [Symbol.asyncDispose]: async () => {
      model.dispose();
      await close();
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
