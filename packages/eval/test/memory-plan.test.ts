/** Memory as planned, against what a device has in use; the paper's figures; and sums in closed form. */
import "@sst/backend-cpu";
import { latentStateBytes, type MemoryPlan, planMemory } from "@sst/eval";
import {
  allLinearLayers,
  DecoderModel,
  type ForwardOptions,
  forward,
  KvCache,
  LatentStateCache,
  type ModelConfig,
  type ModelData,
  tokenTensor,
  withLora,
} from "@sst/layers";
import { memory, Random, ready, sum, valueAndGradients, type WeightFormat } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyBackbones, tinyModel } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

/** Rows of whole blocks in every format. */
const sizes = {
  vocabSize: 16,
  hiddenSize: 64,
  intermediateSize: 96,
  numHiddenLayers: 3,
  headDim: 16,
  maxPositionEmbeddings: 64,
};
const [batchSize, time] = [2, 32];
const lora = { rank: 16, alpha: 16, targetModules: [...allLinearLayers] };

const partOf = ({ parts }: MemoryPlan, name: string) => parts.find((part) => part.name === name)?.sizeBytes ?? 0;

const models: Readonly<Record<string, Partial<ModelConfig>>> = { Llama: {}, ...tinyBackbones };

/** Bytes that the device holds more of after `run`, whose result is disposed of later. */
function grown(run: () => unknown): number {
  const before = memory().bytes;
  run();
  return memory().bytes - before;
}

/** A factor comes to the device as a scalar: one for each matrix with adapters at most, and one for embeddings. */
function expectNearly(inUse: number, planned: number): void {
  const scalars = (inUse - planned) / 4;
  expect(scalars).toBeGreaterThanOrEqual(0);
  expect(scalars).toBeLessThanOrEqual(7 * sizes.numHiddenLayers + 1);
}

for (const [name, overrides] of Object.entries(models)) {
  const data = tinyModel({ ...overrides, ...sizes });

  describe(name, () => {
    for (const quantize of [undefined, "f16", "int8", "int4", "nf4"] as const) {
      test(`weights and caches as they lie on the device, ${quantize ?? "float32"}`, () => {
        const plan = planMemory(data.config, { context: 48, batchSize, quantize });
        let model: DecoderModel | undefined;
        const weights = grown(() => {
          model = DecoderModel.fromData(data, { quantize });
        });
        expectNearly(weights, partOf(plan, "weights") + partOf(plan, "stream"));
        let caches: Disposable[] = [];
        const cached = grown(() => {
          caches = [new KvCache(data.config, batchSize, 48), new LatentStateCache(data.config, batchSize)];
        });
        expect(partOf(plan, "kv-cache") + partOf(plan, "latent-state-cache")).toBe(cached);
        for (const each of [model as DecoderModel, ...caches]) each[Symbol.dispose]();
      });
    }

    const runs: [string, ForwardOptions, ModelData, WeightFormat | undefined][] = [
      ["exact", {}, data, undefined],
      ["layerwise", { solver: "layerwise" }, data, undefined],
      ["two-pass", { solver: "two-pass" }, data, undefined],
      ["stream off", { streamOff: true }, data, undefined],
      ["computed again", { recompute: true }, data, undefined],
      ["exact, packed with adapters", {}, withLora(data, lora, new Random(0)), "int8"],
      ["layerwise, packed with adapters", { solver: "layerwise" }, withLora(data, lora, new Random(0)), "nf4"],
    ];
    for (const [title, options, trained, quantize] of runs) {
      test(`what a step keeps for its backward pass: ${title}`, () => {
        using model = DecoderModel.fromData(trained, { quantize });
        const row = Array.from({ length: time }, (_, position) => position % sizes.vocabSize);
        const tokens = tokenTensor([row, row], model.config);
        const weights = model.weights();
        // Tables and masks are made in the first pass.
        forward(weights, tokens, options).dispose();
        let kept = 0;
        const parameters = { theta: model.tensor("model.layers.0.state_stream.theta") };
        const { value, gradients } = valueAndGradients(() => {
          const before = memory().bytes;
          const logits = forward(weights, tokens, options);
          kept = memory().bytes - before;
          return sum(logits);
        }, parameters);
        for (const each of [value, gradients.theta, tokens, weights]) each?.dispose();
        const training = {
          train: "adapters" as const,
          ...(trained.adapter && { lora }),
          solver: options.streamOff ? ("off" as const) : ((options.solver ?? "sequential") as "sequential"),
          recompute: options.recompute ?? false,
          batchSize,
          time,
        };
        const plan = planMemory(data.config, { quantize, training });
        const working = Math.max(sizes.vocabSize, 6 * sizes.hiddenSize + 5 * sizes.intermediateSize);
        const planned = partOf(plan, "activations") - 4 * batchSize * time * working;
        expectNearly(kept, planned);
      });
    }
  });
}

describe("figures", () => {
  const gemma27: ModelConfig = {
    ...tinyModel().config,
    ...tinyBackbones["Gemma 3"],
    vocabSize: 262_208,
    hiddenSize: 5376,
    intermediateSize: 21_504,
    numHiddenLayers: 62,
    numAttentionHeads: 32,
    numKeyValueHeads: 16,
    headDim: 128,
    maxPositionEmbeddings: 131_072,
  };

  test("the paper's: 333,312 blend parameters, 651 KiB of latent states in bfloat16", () => {
    expect(planMemory(gemma27).parameters.stream).toBe(333_312);
    expect(latentStateBytes(gemma27, 2)).toBe(651 * 1024);
  });

  test("keys and values of a context, in closed form, and the largest piece", () => {
    const plan = planMemory(gemma27, { context: 8192, quantize: "int4" });
    // One layer slides over four positions, one sees all, and the others are not said to slide.
    expect(partOf(plan, "kv-cache")).toBe(2 * (4 + 61 * 8192) * 16 * 128 * 4);
    expect(plan.largest).toEqual({ name: "model.embed_tokens.weight", sizeBytes: 4 * 262_208 * 5376 });
    expect(plan.totalBytes).toBe(plan.parts.reduce((total, { sizeBytes }) => total + sizeBytes, 0));
  });

  test("training adapters: moments and gradients of what is trained alone", () => {
    const training = {
      train: "adapters",
      lora,
      solver: "layerwise",
      recompute: false,
      batchSize: 1,
      time: 512,
    } as const;
    const { parameters, ...plan } = planMemory(gemma27, { quantize: "nf4", training });
    expect(parameters.trained).toBe(parameters.adapters + parameters.stream);
    // Rank times the sum of both sides of every linear layer.
    const sides = 2 * (5376 + 4096) + 2 * (5376 + 2048) + 3 * (5376 + 21_504);
    expect(parameters.adapters).toBe(62 * 16 * sides);
    expect(partOf({ parameters, ...plan }, "optimiser")).toBe(8 * parameters.trained);
    expect(partOf({ parameters, ...plan }, "gradients")).toBe(4 * parameters.trained);
  });
});
