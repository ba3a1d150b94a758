/** The attention branch of a decoder layer, with its residual: `a = x + o · attention(norm(x))`. */
import { add, documentAttention, reshape, rmsNorm, rotaryEmbedding, type Tensor } from "@sst/tensor";
import type { ModelConfig } from "./config.js";
import type { RotaryTables } from "./constants.js";
import type { Documents } from "./documents.js";
import { linear } from "./linear.js";
import type { PassMemory } from "./pass-memory.js";
import { type Chunk, lastIterations } from "./positions.js";
import type { LayerWeights } from "./weights.js";

export interface AttentionContext {
  readonly config: ModelConfig;
  readonly chunk: Chunk;
  readonly rotary: RotaryTables;
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
  const { config, chunk, rotary, memory } = context;
  const [batch, columns] = x.shape as [number, number];
  const heads = (projected: Tensor) => reshape(projected, [batch, columns, -1, config.headDim]);
  const placed = { offset: chunk.offset, iterations: chunk.iterations, direction: "forth" } as const;
  const turned = (rows: Tensor) => rotaryEmbedding({ x: rows, cos: rotary.cos, sin: rotary.sin }, placed).y;

  const n = rmsNorm({ x, weight: layer.inputNorm }, { epsilon: config.rmsNormEps }).y;
  const q = turned(heads(linear(n, layer.q_proj)));
  const k = turned(heads(linear(n, layer.k_proj)));
  const v = heads(linear(n, layer.v_proj));
  const attributes = { scale: 1 / Math.sqrt(config.headDim), iterations: chunk.iterations, window: 0 };
  const attended = context.documents
    ? documentAttention({ q, k, v, starts: context.documents.starts }, attributes).y
    : memory.attend(index, { q, k, v }, attributes);
  if (context.keepsKeys) {
    memory.keep(index, lastIterations(k, chunk.iterations), lastIterations(v, chunk.iterations));
  }
  return add(x, linear(reshape(attended, [batch, columns, -1]), layer.o_proj));
}
