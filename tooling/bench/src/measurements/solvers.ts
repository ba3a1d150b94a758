/** Cost of one training step by solver, as a ratio to the plain transformer's step in the same run. */
import { createCpuBackend } from "@sst/backend-cpu";
import { DecoderModel, type ForwardOptions, initializeModel, type ModelConfig } from "@sst/layers";
import { Random, ready, registerBackend } from "@sst/tensor";
import { nextTokenBatch, Trainer } from "@sst/train";
import type { Measurement, MeasurementContext } from "../measurement.js";
import type { Findings, Row } from "../results.js";
import { median, medianRatio } from "../statistics.js";

const config: ModelConfig = {
  modelType: "llama",
  vocabSize: 32,
  hiddenSize: 64,
  intermediateSize: 128,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 16,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 256,
  stateStream: { alphaMin: 0.015, alphaMax: 0.1 },
};

const solvers: Readonly<Record<string, ForwardOptions>> = {
  plain: { streamOff: true },
  sequential: { solver: "sequential" },
  "layerwise K=2": { solver: "layerwise", sweeps: 2 },
  "layerwise K=4": { solver: "layerwise", sweeps: 4 },
  "two-pass K=2": { solver: "two-pass", sweeps: 2 },
};

/** Of a step's time by the plain one's, where the batch is as large as in training. */
const targets: Readonly<Record<string, number>> = { sequential: 1.6, "layerwise K=2": 1.35, "two-pass K=2": 1.45 };
const TARGET_BATCH = 32;

export const solverSteps: Measurement = { name: "solvers", title: "Solvers of the state stream", measure };

async function measure({ rounds, onProgress }: MeasurementContext): Promise<Findings> {
  registerBackend(createCpuBackend({ threads: 1 }), { replace: true });
  const { live } = await ready({ backend: "cpu" });
  const tables = [];
  for (const batch of [1, 8, TARGET_BATCH]) {
    for (const time of [16, 64, 256]) {
      const title = `batch ${batch}, T ${time}`;
      onProgress(title);
      tables.push({ title, columns: ["ms/step", "time ÷ plain"], rows: await solverRows(batch, time, rounds) });
    }
  }
  return {
    introduction:
      "One training step of a small model (width 64, 2 layers) by solver, in one process: the exact recurrence and the " +
      `parallel ones beside the plain transformer's step. ${live.capabilities.description}.`,
    tables,
  };
}

/** Runs all solvers in turn, round by round, so that a change of the machine's speed meets them all. */
async function solverRows(batch: number, time: number, rounds: number): Promise<Row[]> {
  const random = new Random("bench");
  const rows = Array.from({ length: batch }, () =>
    Array.from({ length: time + 1 }, () => random.integer(config.vocabSize)),
  );
  const batches = [nextTokenBatch(rows)];
  const runners = Object.entries(solvers).map(([label, forward]) => {
    const model = DecoderModel.fromData(initializeModel(config, new Random(0)));
    return {
      label,
      trainer: new Trainer(model, { steps: rounds + 3, learningRate: 1e-3, forward }),
      durations: [] as number[],
    };
  });
  for (let round = -3; round < rounds; round++) {
    for (const { trainer, durations } of runners) {
      const { durationMs } = await trainer.step(batches);
      // The first rounds warm up.
      if (round >= 0) durations.push(durationMs);
    }
  }
  const plain = runners[0]?.durations ?? [];
  return runners.map(({ label, trainer, durations }) => {
    trainer.dispose();
    trainer.model.dispose();
    const atMost = batch === TARGET_BATCH && time === 64 ? targets[label] : undefined;
    const target = atMost !== undefined && { target: { atMost, column: "time ÷ plain" } };
    return { label, values: [median(durations), medianRatio(durations, plain)], ...target };
  });
}
