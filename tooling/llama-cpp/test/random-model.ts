/** Random weights that make every part of a model felt: scores that differ, norms and biases that are all different. */
import { backboneShapes, type HostTensor, type ModelConfig, type ModelData } from "@sst/layers";
import { Random } from "@sst/tensor";

export function randomModel(config: ModelConfig, seed: string): ModelData {
  const weights = Object.entries(backboneShapes(config)).map(([name, shape]): [string, HostTensor] => {
    const size = shape.reduce((product, each) => product * each, 1);
    const random = new Random(`${seed}/${name}`);
    const [, inSize] = shape;
    if (inSize !== undefined)
      return [name, { shape, data: random.normals(size, deviation(name, config) / Math.sqrt(inSize)) }];
    const middle = name.endsWith(".bias") || config.unitOffsetNorm ? 0 : 1;
    return [name, { shape, data: random.normals(size, 0.3).map((value) => value + middle) }];
  });
  return { config, weights: Object.fromEntries(weights) };
}

function deviation(name: string, { tieWordEmbeddings, hiddenActivation }: ModelConfig): number {
  // llama.cpp looks GELU up in a table of halves: through 62 layers that moves log probabilities by the hundredth part of
  // their spread, which has to be small for them to agree to 1e-3. (A float64 oracle sides with us.)
  if (name === "model.embed_tokens.weight" && hiddenActivation === "gelu_pytorch_tanh") return 0.06;
  if (name === "model.embed_tokens.weight") return tieWordEmbeddings ? 2 : 8;
  return /\.[qk]_proj\./.test(name) ? 1.5 : 1;
}

export function randomTokens(count: number, vocabSize: number, seed = "tokens"): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.integer(vocabSize));
}
