import { type HostTensor, initializeModel, type ModelConfig } from "@sst/layers";
import { Random } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { decodeOnnx, onnxGemm } from "../src/models/onnx.js";
import { onnxDecoder } from "../src/models/onnx-decoder.js";

interface Decoded {
  readonly graph: {
    readonly node: readonly { readonly opType: string; readonly input: string[]; readonly output: string[] }[];
    readonly initializer: readonly { readonly name: string; readonly dims: number[]; readonly rawData: Uint8Array }[];
    readonly input: readonly { readonly name: string }[];
    readonly output: readonly { readonly name: string }[];
  };
}

const config: ModelConfig = {
  modelType: "llama",
  vocabSize: 40,
  hiddenSize: 32,
  intermediateSize: 48,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 16,
};

const model = initializeModel(config, new Random("onnx"));

test("a product is encoded as the format's numbers say", () => {
  expect(decodeOnnx(onnxGemm(true, false))).toMatchObject({
    irVersion: 9,
    opsetImport: [{ version: 17 }, { domain: "com.microsoft", version: 1 }],
    graph: {
      node: [
        {
          opType: "Gemm",
          input: ["a", "b"],
          output: ["c"],
          attribute: [
            { name: "transA", i: 1, type: 2 },
            { name: "transB", i: 0, type: 2 },
          ],
        },
      ],
      input: [
        { name: "a", type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "a0" }, { dimParam: "a1" }] } } } },
        {},
      ],
    },
  });
  // The field of the graph is number 7, of wire type 2.
  expect([...onnxGemm(false, false)].slice(0, 3)).toEqual([0x08, 9, 0x3a]);
});

describe.each(["f32", "q8", "q4"] as const)("a decoder in %s", (format) => {
  const { graph } = decodeOnnx(onnxDecoder(model, format)) as Decoded;

  test("every value that a node reads was made before, and every output is made", () => {
    const made = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
    for (const { opType, input, output } of graph.node) {
      for (const name of input) expect(made, `${opType} reads ${name}`).toContain(name);
      for (const name of output) {
        expect(made, `${name} is made twice`).not.toContain(name);
        made.add(name);
      }
    }
    for (const { name } of graph.output) expect(made).toContain(name);
  });

  test("linear layers are in the format, where the rows are whole blocks", () => {
    const products = graph.node.filter(({ opType }) => opType.startsWith("MatMul"));
    expect(products).toHaveLength(2 * 7 + 1);
    const packed = products.filter(({ opType }) => opType === "MatMulNBits");
    // The rows of down_proj have 48 entries.
    expect(packed).toHaveLength(format === "f32" ? 0 : 2 * 6 + 1);
  });
});

test("f32 weights are there, transposed", () => {
  const { graph } = decodeOnnx(onnxDecoder(model, "f32")) as Decoded;
  const stored = graph.initializer.find(({ name }) => name === "model.layers.1.mlp.up_proj.transposed");
  expect(stored?.dims).toEqual([32, 48]);
  const values = new Float32Array(new Uint8Array(stored?.rawData ?? []).buffer);
  const { data } = model.weights["model.layers.1.mlp.up_proj.weight"] as HostTensor;
  expect(values[5 * 48 + 7]).toBe(data[7 * 32 + 5]);
});
