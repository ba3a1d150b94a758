/** The named parameters of a model, with their shapes: what a checkpoint must hold and what training may change. */
import { SstError } from "@sst/tensor";
import { isTarget } from "./adapters/target-modules.js";
import type { LinearName, LoraConfig, ModelConfig } from "./config.js";
import { requireAlphaBounds } from "./state-stream/alpha.js";

export const embeddingName = "model.embed_tokens.weight";

/** Absent where the head is the embedding. */
export const headName = "lm_head.weight";

/** The linear layers of a decoder layer by the last part of their names, with where they sit and their `[out, in]`. */
export function linearShapes(config: ModelConfig): Record<LinearName, { parent: string; shape: [number, number] }> {
  const { hiddenSize, intermediateSize, headDim } = config;
  const queries = config.numAttentionHeads * headDim;
  const keys = config.numKeyValueHeads * headDim;
  return {
    q_proj: { parent: "self_attn", shape: [queries, hiddenSize] },
    k_proj: { parent: "self_attn", shape: [keys, hiddenSize] },
    v_proj: { parent: "self_attn", shape: [keys, hiddenSize] },
    o_proj: { parent: "self_attn", shape: [hiddenSize, queries] },
    gate_proj: { parent: "mlp", shape: [intermediateSize, hiddenSize] },
    up_proj: { parent: "mlp", shape: [intermediateSize, hiddenSize] },
    down_proj: { parent: "mlp", shape: [hiddenSize, intermediateSize] },
  };
}

/** A decoder layer's norms, by what they norm. */
export type NormName =
  | "inputNorm"
  | "attentionOutNorm"
  | "feedForwardNorm"
  | "feedForwardOutNorm"
  | "queryNorm"
  | "keyNorm";

/** The norms that a decoder layer has, with their Hugging Face names below the layer and their widths. */
export function layerNorms(config: ModelConfig): Partial<Record<NormName, { path: string; size: number }>> {
  const { hiddenSize, headDim } = config;
  const norm = (path: string, size = hiddenSize) => ({ path, size });
  return {
    inputNorm: norm("input_layernorm"),
    // The same name is another norm where outputs are normed.
    ...(config.outputNorms
      ? {
          attentionOutNorm: norm("post_attention_layernorm"),
          feedForwardNorm: norm("pre_feedforward_layernorm"),
          feedForwardOutNorm: norm("post_feedforward_layernorm"),
        }
      : { feedForwardNorm: norm("post_attention_layernorm") }),
    ...(config.queryKeyNorm && {
      queryNorm: norm("self_attn.q_norm", headDim),
      keyNorm: norm("self_attn.k_norm", headDim),
    }),
  };
}

/** Every parameter of the backbone, under its Hugging Face name. */
export function backboneShapes(config: ModelConfig): Record<string, readonly number[]> {
  const { hiddenSize, vocabSize } = config;
  const shapes: Record<string, readonly number[]> = { [embeddingName]: [vocabSize, hiddenSize] };
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const { path, size } of Object.values(layerNorms(config))) shapes[`${prefix}.${path}.weight`] = [size];
    for (const [name, { parent, shape }] of Object.entries(linearShapes(config))) {
      shapes[`${prefix}.${parent}.${name}.weight`] = shape;
      if (config.biasedLayers?.includes(name as LinearName)) shapes[`${prefix}.${parent}.${name}.bias`] = [shape[0]];
    }
  }
  shapes["model.norm.weight"] = [hiddenSize];
  if (!config.tieWordEmbeddings) shapes[headName] = [vocabSize, hiddenSize];
  return shapes;
}

/** Whether a parameter is the matrix of a linear layer or of the head. */
export function isLinear(name: string): boolean {
  return name === headName || name.endsWith("_proj.weight");
}

/** Of the recirculation: theta, from which beta comes as alpha does from a layer's theta, and the matrix W. */
export const recirculationNames = {
  theta: "model.state_stream.recirculation.theta",
  weight: "model.state_stream.recirculation.weight",
} as const;

/**
 * The state stream's parameters: one theta per layer and dimension, and those of the recirculation where it is on. Empty
 * for a plain backbone.
 */
export function streamShapes(config: ModelConfig): Record<string, readonly number[]> {
  const { hiddenSize, stateStream } = config;
  if (stateStream === undefined) return {};
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => [thetaName(layer), [hiddenSize]]);
  return {
    ...Object.fromEntries(layers),
    ...(stateStream.recirculate && {
      [recirculationNames.theta]: [hiddenSize],
      [recirculationNames.weight]: [hiddenSize, hiddenSize],
    }),
  };
}

/** Whether a parameter is the state stream's: such are trained beside a frozen backbone, and saved in a file of their own. */
export function isStreamParameter(name: string): boolean {
  return name.includes("state_stream.");
}

/** The adapters' parameters: `lora_A` `[rank, in]` and `lora_B` `[out, rank]` for every adapted linear layer. */
export function adapterShapes(config: ModelConfig, lora: LoraConfig): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {};
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    for (const [name, { parent, shape }] of Object.entries(linearShapes(config))) {
      const module = `model.layers.${layer}.${parent}.${name}`;
      if (!isTarget(lora, module)) continue;
      const [outSize, inSize] = shape;
      const [a, b] = adapterNames(module);
      shapes[a] = [lora.rank, inSize];
      shapes[b] = [outSize, lora.rank];
    }
  }
  return shapes;
}

export function thetaName(layer: number): string {
  return `model.layers.${layer}.state_stream.theta`;
}

/** Names of the two factors that adapt the linear layer `module`. */
export function adapterNames(module: string): [a: string, b: string] {
  return [`${module}.lora_A.weight`, `${module}.lora_B.weight`];
}

/**
 * Holds shapes against what a model has to have.
 *
 * @returns the names of all parameters, in a fixed order
 * @throws SstError `shape-mismatch` for a missing, unexpected or wrongly shaped parameter, by name
 */
export function requireParameters(
  config: ModelConfig,
  lora: LoraConfig | undefined,
  given: Readonly<Record<string, readonly number[]>>,
): string[] {
  if (config.stateStream) requireAlphaBounds(config.stateStream);
  const expected = { ...backboneShapes(config), ...streamShapes(config), ...(lora && adapterShapes(config, lora)) };
  for (const name of Object.keys(given)) {
    if (!(name in expected)) throw new SstError("shape-mismatch", `the model has no parameter "${name}"`);
  }
  for (const [name, shape] of Object.entries(expected)) {
    const found = given[name];
    if (found === undefined) throw new SstError("shape-mismatch", `parameter "${name}" is missing`);
    if (found.join() !== shape.join()) {
      throw new SstError("shape-mismatch", `parameter "${name}" should be [${shape}], but is [${found}]`);
    }
  }
  return Object.keys(expected);
}
