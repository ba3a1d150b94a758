/** How far the parallel solvers are from the exact recurrence, by alpha and sweeps, and whether their residual tells. */
import { createCpuBackend } from "@sst/backend-cpu";
import {
  chooseSolver,
  DecoderModel,
  type ForwardOptions,
  forward,
  initializeModel,
  type ModelData,
  paperAlpha,
  smallAlphaInitialization,
  smallDecoder,
  tokenTensor,
  withStateStream,
} from "@sst/layers";
import { createTask, type Task, taskBatch } from "@sst/loaders";
import { Random, ready, registerBackend, type Tensor } from "@sst/tensor";
import { Trainer } from "@sst/train";
import type { Measurement, MeasurementContext } from "../measurement.js";
import { stories260K } from "../models/shapes.js";
import type { Findings, Row, Table } from "../results.js";

const TIME = 64;
const BATCH = 4;
const alphas = [0.01, 0.03, 0.1, 0.3, 0.6];

/** Theta is 0: alpha is in the middle, wherever the bounds are. */
const constant = (alpha: number) => ({ alphaMin: alpha * (1 - 1e-6), alphaMax: alpha * (1 + 1e-6) });

const contenders: readonly { readonly label: string; readonly options: ForwardOptions }[] = [
  { label: "no stream", options: { streamOff: true } },
  ...(["shift", "scan"] as const).map((propagation) => ({
    label: `two-pass, ${propagation}`,
    options: { solver: "two-pass", propagation } as const,
  })),
  ...[2, 3, 4, 8].flatMap((sweeps) =>
    (["shift", "scan"] as const).map((propagation) => ({
      label: `layerwise K=${sweeps}, ${propagation}`,
      options: { solver: "layerwise", sweeps, propagation } as const,
    })),
  ),
];

export const solverErrors: Measurement = { name: "solver-errors", title: "Exactness of the solvers", measure };

async function measure({ onProgress }: MeasurementContext): Promise<Findings> {
  registerBackend(createCpuBackend({ threads: 1 }), { replace: true });
  await ready({ backend: "cpu" });
  onProgress("random weights");
  const tables = [await byAlpha("random weights, 4 layers, width 64", randomData)];
  const stories = await stories260K();
  if (stories === undefined) {
    const notRun = "the model is not there: SST_DATA_DIR should name the folder that holds stories260K";
    tables.push({ title: "stories260K", columns: alphas.map(String), rows: [{ label: "all solvers", notRun }] });
  } else {
    onProgress("stories260K");
    tables.push(
      await byAlpha("stories260K, pretrained without a stream", (alpha) =>
        withStateStream(stories, constant(alpha), 0),
      ),
    );
  }
  onProgress("a state tracker");
  tables.push(await tracker());
  return {
    introduction:
      `Relative error of the logits against the exact recurrence, ${BATCH} random sequences of ${TIME} tokens, by alpha ` +
      "(the same in all dimensions and layers). A sweep of `layerwise` costs a feed-forward network, a pass of `two-pass` a whole " +
      "forward pass. The last table is of a model that uses its state (S3 from scratch, alpha in the paper's range): there the " +
      "recurrence does not contract, and a parallel solver is another model. The residual, which every parallel run can " +
      "report (`onResidual`), tells without the exact solution; `chooseSolver` goes by it.",
    tables,
  };
}

function randomData(alpha: number): ModelData {
  const config = {
    ...smallDecoder({ hiddenSize: 64, vocabSize: 64, numHiddenLayers: 4 }),
    stateStream: constant(alpha),
  };
  return initializeModel(config, new Random("solver-errors"), { embeddingDeviation: 1 });
}

async function byAlpha(title: string, dataOf: (alpha: number) => ModelData): Promise<Table> {
  const columns = await Promise.all(
    alphas.map(async (alpha) => {
      using model = DecoderModel.fromData(dataOf(alpha));
      const rows = randomRows(model.config.vocabSize);
      const exact = await run(model, rows, {});
      const errors: number[] = [];
      for (const { options } of contenders) errors.push(relativeError(await run(model, rows, options), exact));
      return errors;
    }),
  );
  const rows = contenders.map(
    ({ label }, index): Row => ({
      label,
      values: columns.map((column) => column[index] as number),
    }),
  );
  return { title, columns: alphas.map((alpha) => `α ${alpha}`), rows };
}

async function tracker(): Promise<Table> {
  const task = createTask("s3");
  using model = await trainedTracker(task);
  const { tokens } = taskBatch(task, { seed: 1, split: "test", index: 0, batchSize: BATCH, length: TIME - 1 });
  const time = tokens.length / BATCH;
  const rows = Array.from({ length: BATCH }, (_, row) => Array.from(tokens.subarray(row * time, (row + 1) * time)));
  const exact = await run(model, rows, {});
  const tries = [2, 4, 8, 16, 32, time].map((sweeps) => ({ label: `layerwise K=${sweeps}`, sweeps }));
  const found: Row[] = [];
  for (const { label, sweeps } of tries) {
    const residuals: Promise<number>[] = [];
    const onResidual = (_layer: number, residual: Promise<number>) => residuals.push(residual);
    const logits = await run(model, rows, { solver: "layerwise", sweeps, onResidual });
    const residual = Math.max(...(await Promise.all(residuals)));
    found.push({
      label,
      values: [relativeError(logits, exact), agreement(logits, exact, model.config.vocabSize), residual],
    });
  }
  const weights = model.weights();
  const sample = tokenTensor(rows, model.config);
  const choice = await chooseSolver(weights, sample);
  weights.dispose();
  sample.dispose();
  found.push({
    label: `chooseSolver: ${choice.solver} (${choice.seen.length} tries)`,
    values: [null, null, choice.residual],
  });
  return {
    title: "S3 tracker, 2 layers, width 32",
    columns: ["relative error", "same first choice", "residual"],
    rows: found,
  };
}

/** By the recipe of `apps/state-tracking`. */
async function trainedTracker(task: Task): Promise<DecoderModel> {
  const config = smallDecoder({ hiddenSize: 32, vocabSize: task.vocabulary.size, stateStream: paperAlpha });
  const model = DecoderModel.fromData(initializeModel(config, new Random("solver-errors"), smallAlphaInitialization));
  using trainer = new Trainer(model, { steps: 500, learningRate: 3e-3 });
  await trainer.run((step) => {
    const length = 4 + new Random(`length/${step}`).integer(13);
    return [taskBatch(task, { seed: 0, split: "train", index: step, batchSize: 64, length })];
  });
  return model;
}

async function run(model: DecoderModel, rows: readonly number[][], options: ForwardOptions): Promise<Float32Array> {
  const weights = model.weights();
  const tokens = tokenTensor(rows, model.config);
  const logits: Tensor = forward(weights, tokens, options);
  const values = (await logits.data()) as Float32Array;
  for (const each of [logits, tokens]) each.dispose();
  weights.dispose();
  return values;
}

function randomRows(vocabSize: number): number[][] {
  const random = new Random("solver-errors/tokens");
  return Array.from({ length: BATCH }, () => Array.from({ length: TIME }, () => random.integer(vocabSize)));
}

function relativeError(given: Float32Array, expected: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [index, value] of expected.entries()) {
    difference += ((given[index] as number) - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}

/** Share of the positions at which both have the same likeliest entry. */
function agreement(given: Float32Array, expected: Float32Array, vocabSize: number): number {
  const choice = (logits: Float32Array, at: number) => {
    const row = logits.subarray(at, at + vocabSize);
    return row.indexOf(Math.max(...row));
  };
  let same = 0;
  for (let at = 0; at < expected.length; at += vocabSize) if (choice(given, at) === choice(expected, at)) same++;
  return (same * vocabSize) / expected.length;
}
