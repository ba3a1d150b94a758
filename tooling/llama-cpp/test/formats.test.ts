/**
 * Formats of values: llama.cpp looks rows of an embedding up exactly, whatever their format, so that with the rest in F32 it
 * computes from the numbers that it reads out of the blocks. Every block of the table is used.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GGMLQuantizationType } from "@huggingface/gguf";
import type { ModelConfig } from "@sst/layers";
import { type GgufFormat, readModelData, saveGguf } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { describeWhere } from "@sst/vitest-config/helpers";
import { afterAll, expect, test } from "vitest";
import { placeholderTokenizer } from "../src/index.js";
import { engineMissing, logProbabilitiesOfLlamaCpp } from "./engine.js";
import { distance, logProbabilities } from "./ours.js";
import { randomModel, randomTokens } from "./random-model.js";
import { withFirstTensor } from "./replace-tensor.js";

const config: ModelConfig = {
  modelType: "llama",
  vocabSize: 288,
  hiddenSize: 512,
  intermediateSize: 64,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  numKeyValueHeads: 1,
  headDim: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  maxPositionEmbeddings: 512,
};

const everyToken = Array.from({ length: config.vocabSize }, (_, token) => token);

/** Of random bytes, all but the scales, which would be anything. @param scalesAt of a block's halves */
function randomBlocks(blockEntries: number, blockBytes: number, scalesAt: readonly number[]): Uint8Array {
  const random = new Random(`blocks/${blockBytes}`);
  const bytes = new Uint8Array(((config.vocabSize * config.hiddenSize) / blockEntries) * blockBytes);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.integer(256);
  // Halves from 2^-8 to 2^-6 with either sign.
  for (let block = 0; block < bytes.length; block += blockBytes) {
    for (const at of scalesAt) {
      const high = bytes[block + at + 1] as number;
      bytes[block + at + 1] = (high & 0x83) | ((7 + (high & 1)) << 2);
    }
  }
  return bytes;
}

const tables = {
  F16: () => randomBlocks(1, 2, [0]),
  BF16: () => Uint8Array.from(randomBlocks(1, 2, []), (byte, at) => (at % 2 === 0 ? byte : 0x3f | (byte & 0x80))),
  Q8_0: () => randomBlocks(32, 34, [0]),
  Q4_0: () => randomBlocks(32, 18, [0]),
  Q4_K: () => randomBlocks(256, 144, [0, 2]),
  Q6_K: () => randomBlocks(256, 210, [208]),
} as const;

describeWhere(engineMissing === "", engineMissing, "llama.cpp and we read the same numbers", () => {
  const folder = mkdtempSync(join(tmpdir(), "sst-formats-"));
  const file = join(folder, "model.gguf");
  afterAll(() => rmSync(folder, { recursive: true }));

  for (const [name, table] of Object.entries(tables)) {
    test(`out of random blocks of ${name}`, async () => {
      const tokenizer = await placeholderTokenizer(config.vocabSize);
      await saveGguf(folder, randomModel(config, name), { tokenizer, overwrite: true });
      const type = GGMLQuantizationType[name as keyof typeof tables];
      writeFileSync(file, await withFirstTensor(file, readFileSync(file), type, table()));
      const expected = await logProbabilitiesOfLlamaCpp(file, everyToken);
      const found = distance(await logProbabilities(await readModelData(folder), everyToken), expected);
      console.log(`${name}: log probabilities at most ${found} apart`);
      expect(found).toBeLessThan(1e-4);
    });
  }

  // In products with matrices of few bits, llama.cpp rounds what it multiplies them with, and we do not.
  const allowed: Readonly<Record<Exclude<GgufFormat, "f32">, number>> = { f16: 0.02, bf16: 0.2, q8_0: 0.3, q4_0: 0.6 };
  for (const [format, most] of Object.entries(allowed) as [GgufFormat, number][]) {
    test(`out of whole models that we wrote in ${format}, as far as it rounds`, async () => {
      const model = randomModel({ ...config, tieWordEmbeddings: true }, format);
      const tokenizer = await placeholderTokenizer(config.vocabSize);
      await saveGguf(folder, model, { format, tokenizer, overwrite: true });
      const tokens = randomTokens(32, config.vocabSize);
      const expected = await logProbabilitiesOfLlamaCpp(file, tokens);
      const found = distance(await logProbabilities(await readModelData(folder), tokens), expected);
      const unquantised = distance(await logProbabilities(model, tokens), expected);
      console.log(`${format}: ${found} apart; the weights as they were, ${unquantised}`);
      expect(found).toBeLessThan(most);
    });
  }
});
