/** The models that decoding and loading are measured on. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { backboneShapes, type HostTensor, type ModelConfig, type ModelData } from "@sst/layers";
import { readModelData } from "@sst/loaders";
import { Random } from "@sst/tensor";

const common = {
  modelType: "llama",
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 256,
} as const;

/** 15M parameters, the shape of llama2.c's first stories model. */
export const shape15M: ModelConfig = {
  ...common,
  vocabSize: 32_000,
  hiddenSize: 288,
  intermediateSize: 768,
  numHiddenLayers: 6,
  numAttentionHeads: 6,
  numKeyValueHeads: 6,
  headDim: 48,
};

/** The shape of SmolLM2-135M. */
export const shape135M: ModelConfig = {
  ...common,
  vocabSize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  numHiddenLayers: 30,
  numAttentionHeads: 9,
  numKeyValueHeads: 3,
  headDim: 64,
};

/** Seeded random weights: matrices are uniform with variance 1 / in, norms 1. */
export function randomModel(config: ModelConfig, seed: string): ModelData {
  const weights = Object.entries(backboneShapes(config)).map(([name, shape]): [string, HostTensor] => {
    const size = shape.reduce((left, right) => left * right, 1);
    const data = new Float32Array(size);
    const [, inSize] = shape;
    if (inSize === undefined) data.fill(1);
    else fillUniform(data, Math.sqrt(3 / inSize), new Random(`${seed}/${name}`));
    return [name, { shape, data }];
  });
  return { config, weights: Object.fromEntries(weights) };
}

/** The real model, from where the data for tests is. @returns undefined, where there is none */
export async function stories260K(): Promise<ModelData | undefined> {
  const data = process.env.SST_DATA_DIR ?? resolve(import.meta.dirname, "../../../../shared/data");
  const folder = join(data, "stories260K");
  return existsSync(folder) ? readModelData(folder) : undefined;
}

/** Bytes of the weights that one decoded token reads, in f32: everything but the embedding's table, of which it reads a row. */
export function bytesPerToken(config: ModelConfig, bitsPerWeight = 32): number {
  const table = config.tieWordEmbeddings ? undefined : "model.embed_tokens.weight";
  return Object.entries(backboneShapes(config))
    .filter(([name]) => name !== table)
    .reduce((sum, [, shape]) => sum + (shape.reduce((left, right) => left * right, 1) * bitsPerWeight) / 8, 0);
}

function fillUniform(data: Float32Array, limit: number, random: Random): void {
  for (let index = 0; index < data.length; index++) data[index] = (2 * random.uniform() - 1) * limit;
}
