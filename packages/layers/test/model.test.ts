/** Models: what goes in comes out, and what does not fit is refused by name. */
import "@sst/backend-cpu";
import {
  allLinearLayers,
  DecoderModel,
  forward,
  planForward,
  tokenTensor,
  withLora,
  withStateStream,
} from "@sst/layers";
import { Random, ready, tensor } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { relativeError, tinyBackbone, tinyConfig, tinyModel, tinyTokens } from "./tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const lora = { rank: 2, alpha: 4, targetModules: allLinearLayers };

describe("DecoderModel", () => {
  test("gives back what it was made from, adapters included", async () => {
    const data = withLora(tinyModel(), lora, new Random(1));
    using model = DecoderModel.fromData(data);
    expect(await model.toData()).toEqual(data);
  });

  test("names a parameter that is missing, unexpected or of the wrong shape", () => {
    const data = tinyModel();
    const name = "model.layers.1.mlp.up_proj.weight";
    const { [name]: found, ...rest } = data.weights;
    const wrong = { shape: [3, 3], data: new Float32Array(9) };
    expect(() => DecoderModel.fromData({ ...data, weights: rest })).toThrowError(new RegExp(`"${name}" is missing`));
    expect(() => DecoderModel.fromData({ ...data, weights: { ...rest, [name]: wrong } })).toThrowError(
      /\[24,16\].*\[3,3\]/,
    );
    expect(() => DecoderModel.fromData({ ...data, weights: { ...data.weights, extra: wrong } })).toThrowError(
      /"extra"/,
    );
    expect(found?.shape).toEqual([24, 16]);
  });

  test("refuses another shape in a parameter's place", () => {
    using model = DecoderModel.fromData(tinyModel());
    using wrong = disposable(tensor([1, 2, 3]));
    expect(() => model.replace("model.norm.weight", wrong.tensor)).toThrowError(/should be \[16\], but is \[3\]/);
  });

  test("says that it was disposed of", () => {
    const model = DecoderModel.fromData(tinyModel());
    model.dispose();
    expect(() => model.tensor("model.norm.weight")).toThrowError(expect.objectContaining({ code: "disposed" }));
  });
});

describe("a state stream", () => {
  test.each([
    [-0.01, 0.1],
    [0.2, 0.1],
    [0, 1],
    [Number.NaN, 0.1],
  ])("with bounds %f and %f is refused", (alphaMin, alphaMax) => {
    const stateStream = { alphaMin, alphaMax };
    const refusal = expect.objectContaining({
      code: "invalid-argument",
      message: expect.stringContaining("0 <= alphaMin"),
    });
    expect(() => withStateStream(tinyBackbone(), stateStream, 0)).toThrowError(refusal);
    expect(() => DecoderModel.fromData(tinyModel({ stateStream }))).toThrowError(refusal);
  });

  test("is solved by what there is, in at least one sweep", () => {
    const refused = (options: object, message: RegExp) =>
      expect(() => planForward(tinyConfig, options)).toThrowError(
        expect.objectContaining({ code: "invalid-argument", message: expect.stringMatching(message) }),
      );
    refused({ solver: "newton" }, /no solver "newton"; there are sequential, layerwise, two-pass/);
    refused({ propagation: "jump" }, /no propagation "jump"; there are shift, scan/);
    refused({ solver: "layerwise", sweeps: 0 }, /sweeps should be a whole number of at least 1, but is 0/);
    refused({ iterations: 0 }, /iterations should be/);
  });
});

describe("adapters", () => {
  test("fresh ones change nothing, and merging them by hand gives the same logits", () => {
    const plain = tinyModel();
    const fresh = withLora(plain, lora, new Random(1));
    expect(logitsOf(fresh)).toEqual(logitsOf(plain));

    const random = new Random(2);
    const factors = Object.fromEntries(
      Object.entries(fresh.adapter?.weights ?? {}).map(([name, { shape, data }]) => [
        name,
        { shape, data: random.normals(data.length, 0.3) },
      ]),
    );
    const trained = { ...fresh, adapter: { config: lora, weights: factors } };
    expect(relativeError(logitsOf(trained), logitsOf(plain))).toBeGreaterThan(0.01);
    expect(relativeError(logitsOf(trained), logitsOf(merge(plain, factors)))).toBeLessThan(1e-5);
  });

  test("an unknown linear layer or a rank of nothing is refused", () => {
    const data = tinyModel();
    expect(() => withLora(data, { ...lora, targetModules: ["z_proj"] }, new Random(0))).toThrowError(/"z_proj"/);
    expect(() => withLora(data, { ...lora, rank: 0 }, new Random(0))).toThrowError(/rank/);
  });
});

describe("withStateStream", () => {
  test("makes a plain backbone one with a stream", async () => {
    using model = DecoderModel.fromData(withStateStream(tinyBackbone(), { alphaMin: 0.015, alphaMax: 0.1 }, 2));
    const alpha = model.weights().layers[0]?.alpha?.dataSync()[0];
    expect(alpha).toBeCloseTo(0.015 + 0.085 / (1 + Math.exp(-2)), 6);
  });
});

describe("tokens", () => {
  test("rows of different length, no tokens and unknown tokens are refused", () => {
    expect(() => tokenTensor([[1, 2], [1]], tinyConfig)).toThrowError(
      expect.objectContaining({ code: "contradiction" }),
    );
    expect(() => tokenTensor([[]], tinyConfig)).toThrowError(expect.objectContaining({ code: "empty-prompt" }));
    expect(() => tokenTensor([[1, 11]], tinyConfig)).toThrowError(/token 11/);
  });
});

type Data = ReturnType<typeof tinyModel>;

function logitsOf(data: Data): Float32Array {
  using model = DecoderModel.fromData(data);
  const weights = model.weights();
  const tokens = tokenTensor(tinyTokens(2, 5), model.config);
  const logits = forward(weights, tokens);
  const values = logits.dataSync() as Float32Array;
  for (const each of [tokens, logits, weights]) each.dispose();
  return values;
}

/** W + (alpha / rank) · B·A in plain loops. */
function merge(data: Data, factors: Data["weights"]): Data {
  const merged = Object.entries(data.weights).map(([name, { shape, data: values }]) => {
    const module = name.replace(/\.weight$/, "");
    const a = factors[`${module}.lora_A.weight`]?.data;
    const b = factors[`${module}.lora_B.weight`]?.data;
    if (a === undefined || b === undefined) return [name, { shape, data: values }];
    const [outSize, inSize] = shape as [number, number];
    const result = Float32Array.from(values);
    for (let row = 0; row < outSize; row++) {
      for (let column = 0; column < inSize; column++) {
        for (let r = 0; r < lora.rank; r++) {
          const product = (b[row * lora.rank + r] as number) * (a[r * inSize + column] as number);
          result[row * inSize + column] =
            (result[row * inSize + column] as number) + (lora.alpha / lora.rank) * product;
        }
      }
    }
    return [name, { shape, data: result }];
  });
  return { ...data, weights: Object.fromEntries(merged) };
}

function disposable(value: ReturnType<typeof tensor>) {
  return { tensor: value, [Symbol.dispose]: () => value.dispose() };
}
