/**
 * The attention branch of a decoder layer, with its residual: `a = x + o · attention(norm(x))`. Backbones differ in norms of
 * every head's query and key, a norm of what is added, biases, a window, and by how much a position turns.
 */
import { add, documentAttention, reshape, rmsNorm, rotaryEmbedding, type Tensor } from "@sst/tensor";
import type { ModelConfig } from "./config.js";
import type { RotaryTablesByType } from "./constants.js";
import type { Documents } from "./documents.js";
import { layerWindow } from "./layer-window.js";
import { project } from "./linear.js";
import type { PassMemory } from "./pass-memory.js";
import { type Chunk, lastIterations } from "./positions.js";
import type { LayerWeights } from "./weights.js";

export interface AttentionContext {
  readonly config: ModelConfig;
  readonly chunk: Chunk;
  readonly rotary: RotaryTablesByType;
  readonly memory: PassMemory;
  /** Whether the chunk's keys and values stay in the memory; a pass that another one follows leaves it alone. */
  readonly keepsKeys: boolean;
  /** Where rows hold several documents; nothing precedes them then. */
  readonly documents: Documents | undefined;
}

/**
 * The post-attention hidden state of every column, `[batch, time · iterations, hiddenSize]`. Of the chunk's
 * keys and values, those of each position's last iteration stay.
 */
export function selfAttention(x: Tensor, layer: LayerWeights, index: number, context: AttentionContext): Tensor {
  const { config, chunk, memory } = context;
  const epsilon = config.rmsNormEps;
  const [batch, columns] = x.shape as [number, number];
  const layerType = config.layerTypes?.[index] ?? "full_attention";
  const { cos, sin } = context.rotary[layerType];
  const heads = (projected: Tensor) => reshape(projected, [batch, columns, -1, config.headDim]);
  const placed = { offset: chunk.offset, iterations: chunk.iterations, direction: "forth" } as const;
  const turned = (rows: Tensor) => rotaryEmbedding({ x: rows, cos, sin, ahead: chunk.ahead }, placed).y;

  const normed = (rows: Tensor, weight: Tensor | undefined) =>
    weight ? rmsNorm({ x: rows, weight }, { epsilon }).y : rows;

  const n = normed(x, layer.inputNorm);
  const q = turned(normed(heads(project(n, layer, "q_proj")), layer.queryNorm));
  const k = turned(normed(heads(project(n, layer, "k_proj")), layer.keyNorm));
  const v = heads(project(n, layer, "v_proj"));
  const attributes = {
    scale: 1 / Math.sqrt(config.queryPreAttnScalar ?? config.headDim),
    iterations: chunk.iterations,
    window: layerWindow(config, index),
  };
  const attended = context.documents
    ? documentAttention({ q, k, v, starts: context.documents.starts }, attributes).y
    : memory.attend(index, { q, k, v }, attributes);
  if (context.keepsKeys) {
    memory.keep(index, lastIterations(k, chunk.iterations), lastIterations(v, chunk.iterations));
  }
  const y = project(reshape(attended, [batch, columns, -1]), layer, "o_proj");
  return add(x, normed(y, layer.attentionOutNorm));
}
