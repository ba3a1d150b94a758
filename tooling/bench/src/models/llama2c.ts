/** Checkpoints of llama2.c, version 0: seven integers, then the weights in a fixed order. */
import type { HostTensor, ModelData } from "@sst/layers";
import { withAdjacentPairs } from "@sst/loaders";
import { WeightFile } from "./weight-file.js";

/** Of each of these, all layers. */
const layerParts = [
  "input_layernorm",
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "post_attention_layernorm",
  "mlp.gate_proj",
  "mlp.down_proj",
  "mlp.up_proj",
];

export function writeLlama2c(path: string, { config, weights }: ModelData): void {
  using file = new WeightFile(path);
  const vocabulary = config.tieWordEmbeddings ? config.vocabSize : -config.vocabSize;
  const { hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads } = config;
  const sizes = [hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads];
  file.write(Int32Array.from([...sizes, vocabulary, config.maxPositionEmbeddings]));
  const write = (name: string) => {
    const { shape, data } = weights[name] as HostTensor;
    const hasPairs = /\.[qk]_proj\./.test(name);
    file.write(hasPairs ? withAdjacentPairs(data, config.headDim, shape[1] as number) : data);
  };
  write("model.embed_tokens.weight");
  for (const part of layerParts) {
    for (let layer = 0; layer < numHiddenLayers; layer++) write(`model.layers.${layer}.${part}.weight`);
  }
  write("model.norm.weight");
  // Tables of rotary angles that nobody reads any more.
  file.write(new Float32Array(config.maxPositionEmbeddings * config.headDim));
  if (!config.tieWordEmbeddings) write("lm_head.weight");
}
