/**
 * A Llama-style decoder as an ONNX graph with caches, out of onnxruntime's own operators: attention with grouped queries and
 * rotary embedding is one node, a linear layer in 8 or 4 bits another.
 */
import type { HostTensor, ModelConfig, ModelData } from "@sst/layers";
import { BLOCK, packMatMulNBits } from "./block-formats.js";
import { padHeads } from "./head-padding.js";
import { MICROSOFT, OnnxGraph } from "./onnx.js";

export type OnnxFormat = "f32" | "q8" | "q4";

const bitsOf = { q8: 8, q4: 4 } as const;

/** GroupQueryAttention takes heads of a multiple of 16 only: smaller ones are filled up with zeros, which changes no result. */
const HEAD_MULTIPLE = 16;

/** The size of the heads in the graph's caches. */
export function onnxHeadDim({ headDim }: ModelConfig): number {
  return Math.ceil(headDim / HEAD_MULTIPLE) * HEAD_MULTIPLE;
}

/**
 * Inputs: `tokens` `[1, time]`, `lastIndex` `[1]` (the last position), `length` (positions with the chunk's), and for each
 * layer `pastK…`, `pastV…`. Outputs: `logits` of the last position, `presentK…`, `presentV…`.
 */
export function onnxDecoder(model: ModelData, format: OnnxFormat): Uint8Array {
  const headDim = onnxHeadDim(model.config);
  const { config, weights } = padHeads(model, headDim);
  const graph = new OnnxGraph();
  const builder = new DecoderBuilder(graph, weights, format, config);
  const scale = 1 / Math.sqrt(model.config.headDim);

  graph.input("tokens", "int64", [1, "time"]);
  graph.input("lastIndex", "int32", [1]);
  graph.input("length", "int32", []);
  graph.output("logits", "float", [1, 1, config.vocabSize]);
  rotaryTables(graph, model.config, headDim);
  builder.constant("model.embed_tokens.weight");
  graph.node("Gather", ["model.embed_tokens.weight", "tokens"], ["x"]);

  let x = "x";
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const name = `model.layers.${layer}`;
    for (const part of ["K", "V"]) {
      graph.input(`past${part}${layer}`, "float", [1, config.numKeyValueHeads, "past", headDim]);
      graph.output(`present${part}${layer}`, "float", [1, config.numKeyValueHeads, "total", headDim]);
    }
    const normed = builder.norm(x, `${name}.input_layernorm`);
    const heads = ["q_proj", "k_proj", "v_proj"].map((part) => builder.linear(normed, `${name}.self_attn.${part}`));
    const caches = [`pastK${layer}`, `pastV${layer}`, "lastIndex", "length", "cos", "sin"];
    graph.node(
      "GroupQueryAttention",
      [...heads, ...caches],
      [`${name}.mixed`, `presentK${layer}`, `presentV${layer}`],
      {
        num_heads: { int: config.numAttentionHeads },
        kv_num_heads: { int: config.numKeyValueHeads },
        do_rotary: { int: 1 },
        scale: { float: scale },
      },
      MICROSOFT,
    );
    const a = builder.add(x, builder.linear(`${name}.mixed`, `${name}.self_attn.o_proj`));
    const n = builder.norm(a, `${name}.post_attention_layernorm`);
    const gate = builder.linear(n, `${name}.mlp.gate_proj`);
    graph.node("Sigmoid", [gate], [`${gate}.sigmoid`]);
    graph.node("Mul", [gate, `${gate}.sigmoid`], [`${gate}.silu`]);
    graph.node("Mul", [`${gate}.silu`, builder.linear(n, `${name}.mlp.up_proj`)], [`${name}.activation`]);
    x = builder.add(a, builder.linear(`${name}.activation`, `${name}.mlp.down_proj`));
  }
  const normed = builder.norm(x, "model.norm");
  graph.constant("minusOne", "int64", [1], BigInt64Array.of(-1n));
  graph.constant("end", "int64", [1], BigInt64Array.of(2n ** 40n));
  graph.constant("timeAxis", "int64", [1], BigInt64Array.of(1n));
  graph.node("Slice", [normed, "minusOne", "end", "timeAxis"], ["last"]);
  builder.linear("last", config.tieWordEmbeddings ? "model.embed_tokens" : "lm_head", "logits");
  return graph.encode();
}

class DecoderBuilder {
  constructor(
    private readonly graph: OnnxGraph,
    private readonly weights: ModelData["weights"],
    private readonly format: OnnxFormat,
    private readonly config: ModelConfig,
  ) {}

  constant(name: string): void {
    const { shape, data } = this.#weight(name);
    this.graph.constant(name, "float", [...shape], data);
  }

  norm(x: string, name: string): string {
    this.constant(`${name}.weight`);
    const attributes = { epsilon: { float: this.config.rmsNormEps }, axis: { int: -1 }, stash_type: { int: 1 } };
    this.graph.node("SimplifiedLayerNormalization", [x, `${name}.weight`], [`${name}.y`], attributes);
    return `${name}.y`;
  }

  add(left: string, right: string): string {
    this.graph.node("Add", [left, right], [`${right}.sum`]);
    return `${right}.sum`;
  }

  /** `x · weightᵀ`. Rows that are no whole number of blocks stay in f32. */
  linear(x: string, name: string, output = `${name}.y`): string {
    const { shape, data } = this.#weight(`${name}.weight`);
    const [outSize, inSize] = shape as [number, number];
    if (this.format === "f32" || inSize % BLOCK !== 0) {
      this.graph.constant(`${name}.transposed`, "float", [inSize, outSize], transposed(data, outSize, inSize));
      this.graph.node("MatMul", [x, `${name}.transposed`], [output]);
      return output;
    }
    const bits = bitsOf[this.format];
    const { packed, scales } = packMatMulNBits(data, bits);
    this.graph.constant(`${name}.packed`, "uint8", [outSize, inSize / BLOCK, (BLOCK * bits) / 8], packed);
    this.graph.constant(`${name}.scales`, "float", [scales.length], scales);
    const sizes = { K: { int: inSize }, N: { int: outSize }, bits: { int: bits }, block_size: { int: BLOCK } };
    // Level 4 lets it round the activations to 8 bits, which is its fastest.
    const attributes = { ...sizes, accuracy_level: { int: 4 } };
    this.graph.node("MatMulNBits", [x, `${name}.packed`, `${name}.scales`], [output], attributes, MICROSOFT);
    return output;
  }

  #weight(name: string): HostTensor {
    return this.weights[name] as HostTensor;
  }
}

function rotaryTables(graph: OnnxGraph, config: ModelConfig, headDim: number): void {
  const positions = config.maxPositionEmbeddings;
  const [half, filled] = [headDim / 2, config.headDim / 2];
  const table = (turn: (angle: number) => number) =>
    Float32Array.from({ length: positions * half }, (_, index) => {
      const [position, i] = [Math.floor(index / half), index % half];
      return turn(i < filled ? position * config.ropeTheta ** (-i / filled) : 0);
    });
  graph.constant("cos", "float", [positions, half], table(Math.cos));
  graph.constant("sin", "float", [positions, half], table(Math.sin));
}

/** By tiles, so that neither side is read against the cache's grain. */
function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  const tile = 16;
  for (let top = 0; top < rows; top += tile) {
    for (let column = 0; column < columns; column++) {
      for (let row = top; row < Math.min(rows, top + tile); row++) {
        result[column * rows + row] = data[row * columns + column] as number;
      }
    }
  }
  return result;
}
