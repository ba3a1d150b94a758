/** Our training step: `node training.js FOLDER [MODE]`, on the problem in the folder. */
import "@sst/backend-cpu";
import { DecoderModel, type ForwardOptions, paperAlpha, streamShapes } from "@sst/layers";
import { ready } from "@sst/tensor";
import { Trainer } from "@sst/train";
import { secondsPerRun, serve } from "../engine/serve.js";
import { modelData, readTrainingProblem, type TrainingProblem } from "../models/training-problem.js";

const MEASURED_MS = 300;

const modes: Readonly<Record<string, ForwardOptions | undefined>> = {
  plain: undefined,
  "layerwise K=2": { solver: "layerwise", sweeps: 2 },
  exact: { solver: "sequential" },
};

const [folder = "", mode = "plain"] = process.argv.slice(2);

await serve(async () => {
  await ready({ backend: "cpu" });
  const problem = readTrainingProblem(folder);
  const model = DecoderModel.fromData(mode === "plain" ? modelData(problem) : withStream(problem));
  const { learningRate, beta1, beta2, epsilon, weightDecay } = problem.optimizer;
  const forward = modes[mode];
  const trainer = new Trainer(model, {
    ...{ learningRate, beta1, beta2, epsilon, weightDecay },
    // A constant rate and no clipping, as the others have it.
    ...{ steps: 1, warmupSteps: 0, finalFraction: 1, clipNorm: Number.MAX_VALUE },
    ...(forward && { forward }),
  });
  const { batchSize, time } = problem;
  const batches = problem.batches.map((batch) => [{ ...batch, batchSize, time }]);
  let steps = 0;
  const step = async () => (await trainer.step(batches[steps++ % batches.length] ?? [])).loss;

  return async ({ losses }: { losses?: number }) => {
    if (losses === undefined) return { seconds: await secondsPerRun(step, MEASURED_MS) };
    const found: number[] = [];
    while (found.length < losses) found.push(await step());
    return { losses: found };
  };
});

/** The same backbone with a state stream at the middle of the paper's range. */
function withStream({ config, weights }: TrainingProblem) {
  const streaming = { ...config, stateStream: paperAlpha };
  const thetas = Object.entries(streamShapes(streaming)).map(
    ([name, shape]) => [name, { shape, data: new Float32Array(config.hiddenSize) }] as const,
  );
  return { config: streaming, weights: { ...weights, ...Object.fromEntries(thetas) } };
}
