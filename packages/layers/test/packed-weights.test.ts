/** Models with packed weights against models of floats whose matrices were rounded beforehand. */
import "@sst/backend-cpu";
import "@sst/backend-js";
import {
  allLinearLayers,
  DecoderModel,
  DecodeStep,
  type ForwardOptions,
  forward,
  KvCache,
  LatentStateCache,
  type ModelConfig,
  type ModelData,
  meanCrossEntropy,
  tokenTensor,
  withLora,
} from "@sst/layers";
import {
  integerFormats,
  memory,
  packMatrix,
  Random,
  ready,
  sum,
  type Tensor,
  tensor,
  unpackMatrix,
  valueAndGradients,
  type WeightFormat,
  weightFormats,
  zeros,
} from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { logitsOf, relativeError, tinyBackbone, tinyModel, tinyTokens } from "./tiny-model.js";

/** Rows of more than one block, and a last one that is not full. */
const wide: Partial<ModelConfig> = { hiddenSize: 48, headDim: 12, intermediateSize: 72 };
const tied: Partial<ModelConfig> = { ...wide, tieWordEmbeddings: true };
const embedding = "model.embed_tokens.weight";
const up = "model.layers.1.mlp.up_proj.weight";
const lora = { rank: 2, alpha: 4, targetModules: allLinearLayers };
const tokens = tinyTokens(2, 5);

/** What the packed model computes with, as floats: a tied one gets its head as a matrix of its own. */
function rounded({ config, weights, ...rest }: ModelData, format: WeightFormat): ModelData {
  const untied = { "lm_head.weight": weights[embedding] as ModelData["weights"][string], ...weights };
  const entries = Object.entries(untied).map(([name, { shape, data }]) => {
    const isPacked = shape.length === 2 && name !== embedding;
    const values = () => unpackMatrix(packMatrix(data, shape as [number, number], format));
    return [name, isPacked ? { shape, data: values() } : { shape, data }];
  });
  return { ...rest, config: { ...config, tieWordEmbeddings: false }, weights: Object.fromEntries(entries) };
}

/** Adapters that do something. */
function adapted(data: ModelData): ModelData {
  const fresh = withLora(data, lora, new Random(1));
  const random = new Random(2);
  const factors = Object.entries(fresh.adapter?.weights ?? {}).map(([name, { shape, data: values }]) => [
    name,
    { shape, data: random.normals(values.length, 0.3) },
  ]);
  return { ...fresh, adapter: { config: lora, weights: Object.fromEntries(factors) } };
}

const models: [string, ModelData, ForwardOptions][] = [
  ["exactly", tinyModel(wide), {}],
  ["with three iterations", tinyModel(wide), { iterations: 3 }],
  ["with the stream off", tinyModel(wide), { streamOff: true }],
  ["layerwise", tinyModel(wide), { solver: "layerwise", sweeps: 3 }],
  ["with a head that was the embedding", tinyModel(tied), {}],
  ["with adapters", adapted(tinyModel(wide)), {}],
  ["on a plain backbone", tinyBackbone({ hiddenSize: 48, headDim: 12 }), {}],
];

for (const backend of ["cpu", "js"]) {
  for (const format of weightFormats) {
    describe(`${format} on ${backend}`, () => {
      for (const [name, data, options] of models) {
        test(`${name}: the logits of the rounded model`, async () => {
          await ready({ backend });
          using packed = DecoderModel.fromData(data, { quantize: format });
          using floats = DecoderModel.fromData(rounded(data, format));
          const expected = await logitsOf(floats, tokens, options);
          expect(relativeError(await logitsOf(packed, tokens, options), expected)).toBeLessThan(1e-3);
        });
      }

      for (const iterations of [1, 3]) {
        test(`decoded greedily, ${iterations} times each: the rounded model's tokens, the bits of forward`, async () => {
          await ready({ backend });
          const data = tinyModel(wide);
          using packed = DecoderModel.fromData(data, { quantize: format });
          using floats = DecoderModel.fromData(rounded(data, format));
          const planned = decodeGreedily(packed, { iterations }, true);
          expect(planned).toEqual(decodeGreedily(packed, { iterations }, false));
          expect(planned.tokens).toEqual(decodeGreedily(floats, { iterations }, true).tokens);
        });
      }
    });
  }
}

describe("activations in int8", () => {
  const long = tinyTokens(1, 12);

  describe.each(["cpu", "js"])("on %s", (backend) => {
    test.each(integerFormats)("with weights in %s: logits are near those of floats, and others", async (format) => {
      await ready({ backend });
      using rounding = DecoderModel.fromData(tinyModel(wide), { quantize: format, activations: "int8" });
      using floats = DecoderModel.fromData(tinyModel(wide), { quantize: format });
      const error = relativeError(await logitsOf(rounding, tokens, {}), await logitsOf(floats, tokens, {}));
      expect(error).toBeGreaterThan(1e-4);
      expect(error).toBeLessThan(5e-2);
    });

    test.each(integerFormats)("with weights in %s: a prompt's pass and single tokens agree", async (format) => {
      await ready({ backend });
      using model = DecoderModel.fromData(tinyModel(wide), { quantize: format, activations: "int8" });
      for (const options of [{ streamOff: true }, { iterations: 2 }]) {
        const together = await logitsOf(model, long, options);
        const given = singly(model, long[0] as number[], options);
        const largest = Math.max(...together.map(Math.abs));
        const errors = given.map((value, i) => Math.abs(value - (together[i] as number)) / largest);
        errors.sort((a, b) => a - b);
        // An entry halfway between two integers goes either way by the last bit of what came before.
        expect(errors[Math.floor(errors.length * 0.7)]).toBeLessThan(1e-5);
        expect(errors.at(-1)).toBeLessThan(2e-2);
      }
    });

    test("a plan decodes the bits of forward", async () => {
      await ready({ backend });
      using model = DecoderModel.fromData(tinyModel(tied), { quantize: "int4", activations: "int8" });
      expect(decodeGreedily(model, { iterations: 2 }, true)).toEqual(decodeGreedily(model, { iterations: 2 }, false));
    });
  });

  test("go with weights of whole numbers alone", async () => {
    await ready({ backend: "cpu" });
    const make = (quantize?: WeightFormat) => () =>
      DecoderModel.fromData(tinyModel(wide), { quantize, activations: "int8" });
    const refusal = (found: string) =>
      expect.objectContaining({ code: "contradiction", message: expect.stringMatching(`int8 or int4.*${found}`) });
    expect(make("f16")).toThrowError(refusal("in f16"));
    expect(make("nf4")).toThrowError(refusal("in nf4"));
    expect(make()).toThrowError(refusal("not packed"));
  });

  test("have no gradient, and say so", async () => {
    await ready({ backend: "cpu" });
    using model = DecoderModel.fromData(adapted(tinyModel(wide)), { quantize: "int8", activations: "int8" });
    const given = tokenTensor(tokens, model.config);
    const name = model.parameterNames.find((each) => each.includes("lora_A")) as string;
    const differentiate = () =>
      valueAndGradients(() => sum(forward(model.weights(), given)), { [name]: model.tensor(name) });
    expect(differentiate).toThrowError(
      expect.objectContaining({ code: "contradiction", message: expect.stringMatching(/rounds its input.*train on/) }),
    );
    given.dispose();
  });
});

describe("training beside packed weights", () => {
  const gradientsOf = async (model: DecoderModel, names: readonly string[]) => {
    const given = tokenTensor(tokens, model.config);
    const labels = tensor(tokens.flat(), [2, 5], "int32");
    const { value, gradients } = valueAndGradients(
      () => meanCrossEntropy(forward(model.weights(), given), labels, 10),
      Object.fromEntries(names.map((name) => [name, model.tensor(name)])),
    );
    const values = Object.values(gradients).flatMap((gradient) => Array.from(gradient.dataSync()));
    for (const each of [given, labels, value, ...Object.values(gradients)]) each.dispose();
    return values;
  };

  test.each(weightFormats)("in %s: gradients of adapters, norms and theta are the rounded model's", async (format) => {
    await ready({ backend: "cpu" });
    const data = adapted(tinyModel(wide));
    using packed = DecoderModel.fromData(data, { quantize: format });
    using floats = DecoderModel.fromData(rounded(data, format));
    const names = packed.parameterNames.filter((name) => /lora_|norm|theta|embed/.test(name));
    for (const name of names) {
      expect(relativeError(await gradientsOf(packed, [name]), await gradientsOf(floats, [name])), name).toBeLessThan(
        5e-3,
      );
    }
  });

  test("what is kept for the backward pass is no more for more positions", async () => {
    await ready({ backend: "cpu" });
    using packed = DecoderModel.fromData(adapted(tinyModel({ ...wide, maxPositionEmbeddings: 128 })), {
      quantize: "int8",
    });
    const name = packed.parameterNames.find((each) => /lora_A.*|theta/.test(each)) as string;
    // Twice: tables and masks of a size are made once and stay.
    const peaks = [16, 32, 64, 16, 32, 64].map((time) => {
      const given = tokenTensor(tinyTokens(1, time), packed.config);
      const labels = tokenTensor(tinyTokens(1, time), packed.config);
      const before = memory().tensors;
      let peak = 0;
      const { value, gradients } = valueAndGradients(
        () => {
          const loss = meanCrossEntropy(forward(packed.weights(), given), labels, time);
          // What the tape keeps for the backward pass.
          peak = memory().tensors - before;
          return loss;
        },
        { [name]: packed.tensor(name) },
      );
      for (const each of [given, labels, value, ...Object.values(gradients)]) each.dispose();
      return peak;
    });
    expect(new Set(peaks.slice(3)).size).toBe(1);
  });

  test("what is packed, or the head is a packed copy of, cannot be trained", async () => {
    await ready({ backend: "cpu" });
    using packed = DecoderModel.fromData(tinyModel(tied), { quantize: "int4" });
    expect(packed.parameterNames).toContain(up);
    for (const name of [up, embedding]) {
      const refusal = expect.objectContaining({
        code: "contradiction",
        message: expect.stringMatching(`"${name}" cannot be trained.*is packed.*without .quantize.`),
      });
      expect(() => packed.tensor(name)).toThrowError(refusal);
      expect(() => packed.replace(name, zeros([1]))).toThrowError(refusal);
    }
    using untied = DecoderModel.fromData(tinyModel(wide), { quantize: "int4" });
    expect(untied.tensor(embedding).shape).toEqual([11, 48]);
  });
});

describe("a packed model", () => {
  test("takes the memory that its formats say, and gives it back", async () => {
    await ready({ backend: "cpu" });
    const before = memory();
    const sizeOf = (quantize?: WeightFormat) => {
      using _ = DecoderModel.fromData(tinyModel(wide), quantize && { quantize });
      return memory().bytes - before.bytes;
    };
    const matrices = 2 * (48 * 48 * 2 + 24 * 48 * 2 + 72 * 48 * 3) + 11 * 48;
    expect(sizeOf() - sizeOf("f16")).toBe(2 * matrices);
    expect(memory()).toEqual(before);
  });

  test("cannot give back what it was made from, and says so", async () => {
    await ready({ backend: "cpu" });
    using packed = DecoderModel.fromData(tinyModel(), { quantize: "int8" });
    await expect(packed.toData()).rejects.toThrowError(
      expect.objectContaining({
        code: "contradiction",
        message: expect.stringMatching(/packed in int8.*keep the data/),
      }),
    );
  });

  test("names an entry that has no place in a format", async () => {
    await ready({ backend: "cpu" });
    const data = tinyModel();
    const broken = { shape: [24, 16], data: new Float32Array(24 * 16).fill(Number.NaN) };
    const before = memory();
    expect(() =>
      DecoderModel.fromData({ ...data, weights: { ...data.weights, [up]: broken } }, { quantize: "int8" }),
    ).toThrowError(expect.objectContaining({ code: "not-finite" }));
    expect(memory()).toEqual(before);
  });
});

interface Decoded {
  readonly tokens: readonly number[];
  readonly logits: readonly number[][];
}

/** The logits of a row of tokens that come one by one. */
function singly(model: DecoderModel, row: readonly number[], options: ForwardOptions): number[] {
  const weights = model.weights();
  const caches = { kv: new KvCache(model.config, 1, row.length), states: new LatentStateCache(model.config, 1) };
  const logits = row.flatMap((token) => {
    const given = tokenTensor([[token]], model.config);
    const result = forward(weights, given, { ...options, caches });
    const values = Array.from(result.dataSync());
    for (const each of [given, result]) each.dispose();
    return values;
  });
  for (const each of [caches.kv, caches.states, weights]) each.dispose();
  return logits;
}

/** A prompt and six tokens, each the likeliest, by plan or by `forward`. */
function decodeGreedily(model: DecoderModel, options: { readonly iterations: number }, isPlanned: boolean): Decoded {
  const weights = model.weights();
  const caches = { kv: new KvCache(model.config, 1, 9), states: new LatentStateCache(model.config, 1) };
  const step = new DecodeStep(weights, caches, options);
  const read = (row: readonly number[], run: (tokens: Tensor) => Tensor): number[] => {
    const given = tokenTensor([row], model.config);
    const logits = run(given);
    const values = Array.from(logits.dataSync());
    for (const each of [given, logits]) each.dispose();
    return values;
  };
  const pass = (given: Tensor) => forward(weights, given, { ...options, caches, lastPositionOnly: true });
  const logits = [read([3, 1, 4], pass)];
  const chosen: number[] = [];
  for (let count = 0; count < 6; count++) {
    const last = logits.at(-1) as number[];
    chosen.push(last.indexOf(Math.max(...last)));
    logits.push(read([chosen.at(-1) as number], isPlanned ? (given) => step.run(given) : pass));
  }
  for (const each of [step, caches.kv, caches.states, weights]) each.dispose();
  return { tokens: chosen, logits };
}
