/** One training step of a Llama-style decoder, the same one for every engine. */
import { initializeModel, type ModelConfig } from "@sst/layers";
import { Random } from "@sst/tensor";
import { build } from "esbuild";
import { type Entrant, isNotRun, type NotRun, runRounds, type Samples } from "../engine/rounds.js";
import type { Measurement, MeasurementContext } from "../measurement.js";
import { disagreement } from "../models/losses.js";
import { type TokenBatch, type TrainingProblem, writeTrainingProblem } from "../models/training-problem.js";
import { ownWorker } from "../own-worker.js";
import type { Peers } from "../peers.js";
import type { Findings, Row, Target } from "../results.js";
import { median, medianRatio } from "../statistics.js";

const config: ModelConfig = {
  modelType: "llama",
  vocabSize: 512,
  hiddenSize: 128,
  intermediateSize: 384,
  numHiddenLayers: 4,
  numAttentionHeads: 4,
  numKeyValueHeads: 4,
  headDim: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  maxPositionEmbeddings: 128,
};

const [batchSize, time, batchCount] = [8, 128, 4];

/** Steps whose losses are compared before anybody is timed. */
const COMPARED_STEPS = 8;

const [plain, layerwise, exact] = ["ours", "ours, layerwise K=2", "ours, exact solver"] as const;

const withStream: readonly string[] = [layerwise, exact];

/** How our step stands to another row's: their time by ours, or for our own variants, theirs by the plain one's. */
const targets: Readonly<Record<string, Target>> = {
  "TensorFlow.js wasm": { atLeast: 10 },
  "jax-js wasm": { atLeast: 3 },
  "PyTorch, default kernels": { atLeast: 0.4 },
  [layerwise]: { atMost: 1.35 },
  [exact]: { atMost: 1.6 },
};

const ratio = "time ÷ ours";

export const training: Measurement = { name: "training", title: "Training step", measure };

async function measure(context: MeasurementContext): Promise<Findings> {
  const { peers, folder } = context;
  writeTrainingProblem(folder, trainingProblem());
  const losses: Record<string, number[]> = {};
  const versions: Record<string, string> = {};
  const entrant = (name: string, command: Entrant["command"]): Entrant => ({
    name,
    command,
    request: () => ({}),
    check: async (engine) => {
      const answer = await engine.ask({ losses: COMPARED_STEPS });
      losses[name] = answer.losses as number[];
      if (typeof engine.introduction.version === "string") versions.PyTorch = engine.introduction.version;
    },
  });
  const python = { program: "/usr/bin/python3", args: [peers.path("training-pytorch.py"), folder] };
  const entrants = [
    entrant(plain, ownWorker("training", [folder])),
    entrant("ours, 2 threads", ownWorker("training", [folder], 2)),
    entrant(layerwise, ownWorker("training", [folder, "layerwise K=2"])),
    entrant(exact, ownWorker("training", [folder, "exact"])),
    entrant("TensorFlow.js wasm", await bundledTfjs(peers, folder)),
    entrant("jax-js wasm", peers.script("training-jax.mjs", [folder])),
    entrant("PyTorch, default kernels", python),
    entrant("PyTorch, OPENBLAS_CORETYPE=SkylakeX", { ...python, env: { OPENBLAS_CORETYPE: "SkylakeX" } }),
  ];
  const samples = await runRounds(entrants, ["step"], context);
  // The state stream is another model: its losses are not the others'.
  const comparable = Object.fromEntries(Object.entries(losses).filter(([name]) => !withStream.includes(name)));
  const rows = entrants.map(({ name }): Row => {
    const wrong = comparable[name] && disagreement(comparable[name], Object.values(comparable));
    return rowOf(name, wrong ? { notRun: `wrong: ${wrong}` } : samples[name]?.step, samples[plain]?.step);
  });
  return {
    introduction:
      "A whole optimiser step (forward, backward, AdamW, reading the loss) in f32 on one thread: width 128, 4 layers, 4 " +
      "heads, FFN 384, vocabulary 512, T 128, batch 8, untied head. Same weights and data for all; the losses of the first " +
      `${COMPARED_STEPS} steps agree to 10⁻⁴ or the engine's speed is not shown. TensorFlow.js and jax-js get their ` +
      "matrices as they like them, `[in, out]`, and the embedding as a product with one-hot rows, since they have no " +
      "gradient for a lookup there. Our own step also measures the gradient's norm and keeps a snapshot every ten steps.",
    tables: [{ title: "Step", columns: ["tokens/s", "ms/step", ratio], rows }],
    versions,
  };
}

function rowOf(label: string, samples: Samples | undefined, ours: Samples | undefined): Row {
  const found = samples ?? ({ notRun: "no figures" } satisfies NotRun);
  if (isNotRun(found)) return { label, notRun: found.notRun };
  const seconds = median(found);
  const relative = ours === undefined || isNotRun(ours) ? null : medianRatio(found, ours);
  const target = targets[label];
  return {
    label,
    values: [(batchSize * time) / seconds, 1000 * seconds, relative],
    ...(target && { target: { ...target, column: ratio } }),
  };
}

/** Walks through the vocabulary in short steps: there is something to learn, and every engine learns it from the same start. */
function trainingProblem(): TrainingProblem {
  const random = new Random("benchmarks: tokens");
  const batches = Array.from({ length: batchCount }, (): TokenBatch => {
    const tokens = new Int32Array(batchSize * time);
    const labels = new Int32Array(batchSize * time);
    for (let row = 0; row < batchSize; row++) {
      let token = random.integer(config.vocabSize);
      for (let t = 0; t < time; t++) {
        tokens[row * time + t] = token;
        token = (token + 1 + random.integer(4)) % config.vocabSize;
        labels[row * time + t] = token;
      }
    }
    return { tokens, labels };
  });
  const { weights } = initializeModel(config, new Random("benchmarks: weights"));
  const optimizer = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
  return { config, optimizer, batchSize, time, weights, batches };
}

/** See the script: Node does not find the files that register its gradients, a bundler does. */
async function bundledTfjs(peers: Peers, folder: string): Promise<Entrant["command"]> {
  const script = peers.script("build/training-tfjs.mjs", [folder, tfjsFolder(peers)]);
  if (isNotRun(script)) return script;
  await build({
    entryPoints: [peers.path("training-tfjs.mjs")],
    outfile: peers.path("build", "training-tfjs.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    external: [peers.path("..", "dist", "peer-kit.js")],
    logLevel: "error",
    // What its WebAssembly loader takes for granted in Node.
    banner: {
      js: [
        'import { createRequire } from "node:module";',
        'import { dirname } from "node:path";',
        'import { fileURLToPath } from "node:url";',
        "const require = createRequire(import.meta.url);",
        "const __filename = fileURLToPath(import.meta.url);",
        "const __dirname = dirname(__filename);",
      ].join("\n"),
    },
  });
  return script;
}

/** Where its WebAssembly files are, as it wants to be told. */
function tfjsFolder(peers: Peers): string {
  return `${peers.path("node_modules", "@tensorflow", "tfjs-backend-wasm", "dist")}/`;
}
