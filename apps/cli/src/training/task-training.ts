/** A small model on a state-tracking task, from scratch. */
import { labelAccuracy, meanLoss } from "@sst/eval";
import { DecoderModel, initializeModel, type ModelConfig, smallAlphaInitialization, smallDecoder } from "@sst/layers";
import { createTask, saveModel, type Task, taskBatch } from "@sst/loaders";
import { Random, SstError } from "@sst/tensor";
import { batchesByStep } from "@sst/train";
import type { Prepared } from "./prepared.js";
import { evaluationForward, type TrainingSolverOptions } from "./solver-options.js";
import { newStream, requireFitting, type StreamOptions } from "./stream-options.js";

export interface TaskTrainingOptions extends TrainingSolverOptions, StreamOptions {
  readonly overwrite?: boolean;
  readonly length: number;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly seed: number;
}

/** Sequences that an evaluation in between takes. */
const EVALUATED = 200;

export function prepareTask(name: string, options: TaskTrainingOptions): Prepared {
  const task = createTask(name);
  const { accumulate, batchSize, iterations, length, seed } = options;
  const config = configOf(options, task.vocabulary.size);
  const start = initializeModel(config, new Random(`weights/${seed}`), smallAlphaInitialization);
  const model = DecoderModel.fromData(start);
  const held = { seed, index: 0, length } as const;
  const validation = taskBatch(task, { ...held, split: "validation", batchSize: EVALUATED });
  return {
    model,
    batches: batchesByStep((step) =>
      Array.from({ length: accumulate }, (_, part) => trainingBatch(task, options, step * accumulate + part)),
    ),
    data: [],
    configuration: { task: task.name, seed, length, batchSize, accumulate },
    [Symbol.asyncDispose]: async () => model.dispose(),
    evaluationLoss: async () => (await meanLoss(model, [validation], evaluationForward(options))).loss,
    save: (folder) => saveModel(folder, model, { vocabulary: task.vocabulary, overwrite: options.overwrite ?? false }),
    result: async () => {
      const test = taskBatch(task, { ...held, split: "test", batchSize: 500 });
      const { last, all } = await labelAccuracy(model, [test], iterations === undefined ? {} : { iterations });
      return {
        figures: { task: task.name, length, accuracy: { last, all } },
        words:
          `${task.name}: accuracy at length ${length} on 500 fresh sequences: ${last.toFixed(3)} (last answer), ` +
          `${all.toFixed(3)} (all)`,
      };
    },
  };
}

function configOf(options: TaskTrainingOptions, vocabSize: number): ModelConfig {
  const { hiddenSize, layers } = options;
  if (hiddenSize % 8 !== 0) {
    throw new SstError(
      "invalid-argument",
      `--hidden-size should be a multiple of 8 (four heads of even size), but is ${hiddenSize}`,
    );
  }
  const stateStream = newStream(options);
  const config = smallDecoder({ hiddenSize, vocabSize, numHiddenLayers: layers, ...(stateStream && { stateStream }) });
  requireFitting(options, config);
  return config;
}

function trainingBatch(task: Task, { seed, length, batchSize }: TaskTrainingOptions, index: number) {
  const shortest = Math.max(1, Math.floor(length / 4));
  const chosen = shortest + new Random(`length/${seed}/${index}`).integer(length - shortest + 1);
  return taskBatch(task, { seed, split: "train", index, batchSize, length: chosen });
}
