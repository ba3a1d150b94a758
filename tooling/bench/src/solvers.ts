/** Cost of one training step by solver, as a ratio to the plain transformer's step in the same run. */
import { DecoderModel, type ForwardOptions, initializeModel, type ModelConfig } from "@sst/layers";
import { Random } from "@sst/tensor";
import { nextTokenBatch, Trainer } from "@sst/train";

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
  maxPositionEmbeddings: 128,
  stateStream: { alphaMin: 0.015, alphaMax: 0.1 },
};

const solvers: Readonly<Record<string, ForwardOptions>> = {
  plain: { streamOff: true },
  sequential: { solver: "sequential" },
  "layerwise K=2": { solver: "layerwise", sweeps: 2 },
  "two-pass K=2": { solver: "two-pass", sweeps: 2 },
};

export interface SolverFigures {
  readonly solver: string;
  /** Median over the rounds. */
  readonly stepMs: number;
  /** Median of the ratios to the plain step of the same round. */
  readonly ratio: number;
}

/** Runs all solvers in turn, round by round, so that a change of the machine's speed meets them all. */
export async function measureSolvers(batch: number, time: number, rounds: number): Promise<SolverFigures[]> {
  const random = new Random("bench");
  const rows = Array.from({ length: batch }, () =>
    Array.from({ length: time + 1 }, () => random.integer(config.vocabSize)),
  );
  const batches = [nextTokenBatch(rows)];
  const runners = Object.entries(solvers).map(([solver, forward]) => {
    const model = DecoderModel.fromData(initializeModel(config, new Random(0)));
    return {
      solver,
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
  return runners.map(({ solver, trainer, durations }) => {
    trainer.dispose();
    trainer.model.dispose();
    return {
      solver,
      stepMs: median(durations),
      ratio: median(durations.map((value, index) => value / (plain[index] as number))),
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
