/** llama2.c's files: a checkpoint of our own making, the real one where it is, and every way to damage them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Llama2cTokenizer, loadTokenizer, memorySource, readLlama2c, readModelData } from "@sst/loaders";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { llama2cTokenizerFile } from "./llama2c-files.js";

/** Floats 0, 1, 2, … behind a header of: dim 8, hidden 6, 1 layer, 2 heads, 1 key/value head, vocabulary 5, context 3. */
function checkpoint(
  header = [8, 6, 1, 2, 1, 5, 3],
  floats = 5 * 8 + 8 + 64 + 32 + 32 + 64 + 8 + 3 * 48 + 8 + 12,
): Uint8Array {
  const bytes = new Uint8Array(28 + 4 * floats);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of header.entries()) view.setInt32(4 * index, value, true);
  for (let index = 0; index < floats; index++) view.setFloat32(28 + 4 * index, index, true);
  return bytes;
}

describe("checkpoint", () => {
  test("weights come in their order, rotary rows half-split", () => {
    const { config, weights } = readLlama2c(checkpoint(), "m.bin");
    expect(config).toMatchObject({
      hiddenSize: 8,
      headDim: 4,
      numKeyValueHeads: 1,
      tieWordEmbeddings: true,
      maxPositionEmbeddings: 3,
    });
    const first = (name: string) => weights[name]?.data[0];
    expect(first("model.embed_tokens.weight")).toBe(0);
    expect(first("model.layers.0.input_layernorm.weight")).toBe(40);
    expect(first("model.layers.0.self_attn.v_proj.weight")).toBe(48 + 64 + 32);
    expect(first("model.layers.0.mlp.gate_proj.weight")).toBe(48 + 64 + 32 + 32 + 64 + 8);
    expect(first("model.layers.0.mlp.down_proj.weight")).toBe(248 + 48);
    expect(first("model.layers.0.mlp.up_proj.weight")).toBe(248 + 96);
    expect(first("model.norm.weight")).toBe(248 + 144);
    // rows 0, 1, 2, 3 of a head, in pairs (0, 1) and (2, 3), become 0, 2, 1, 3
    const q = weights["model.layers.0.self_attn.q_proj.weight"]?.data as Float32Array;
    expect([0, 1, 2, 3, 4, 5].map((row) => ((q[8 * row] as number) - 48) / 8)).toEqual([0, 2, 1, 3, 4, 6]);
  });

  test("a negative vocabulary size means an untied head, at the end", () => {
    const floats = (checkpoint().length - 28) / 4;
    const { config, weights } = readLlama2c(checkpoint([8, 6, 1, 2, 1, -5, 3], floats + 40), "m.bin");
    expect(config.tieWordEmbeddings).toBe(false);
    expect(weights["lm_head.weight"]?.data[0]).toBe(floats);
  });

  test("a truncated file and a header that lies about sizes are refused", () => {
    const whole = checkpoint();
    for (const bytes of [whole.subarray(0, 12), whole.subarray(0, 100), whole.subarray(0, whole.length - 4)]) {
      expect(() => readLlama2c(bytes, "m.bin")).toThrowError(expect.objectContaining({ code: "file-corrupt" }));
    }
    expect(() => readLlama2c(checkpoint([16, 6, 1, 2, 1, 5, 3]), "m.bin")).toThrowError(
      /asks for \d+ bytes, but the file has/,
    );
    expect(() => readLlama2c(checkpoint([8, 6, -1, 2, 1, 5, 3]), "m.bin")).toThrowError(/layers is -1/);
    expect(() => readLlama2c(checkpoint([8, 6, 1, 3, 1, 5, 3]), "m.bin")).toThrowError(/no multiple of 3 heads/);
  });

  test("a folder with two checkpoints or none is refused", async () => {
    const two = memorySource({ "a.bin": checkpoint(), "b.bin": checkpoint() });
    await expect(readModelData(two)).rejects.toThrowError(/several checkpoints/);
    await expect(readModelData(memorySource({ "a.txt": new Uint8Array(40) }))).rejects.toThrowError(/no model/);
  });

  test("a folder whose one checkpoint is damaged says how", async () => {
    const damaged = (bytes: Uint8Array) =>
      readModelData(memorySource({ "a.bin": bytes, "t.bin": llama2cTokenizerFile([]) }));
    await expect(damaged(checkpoint().subarray(0, 20))).rejects.toThrowError(/a\.bin: 20 bytes are too few/);
    await expect(damaged(checkpoint().subarray(0, 90))).rejects.toThrowError(/asks for \d+ bytes, but the file has 90/);
    await expect(damaged(checkpoint([8, 6, -1, 2, 1, 5, 3]))).rejects.toThrowError(
      /a\.bin: its header says layers is -1/,
    );
  });

  test("a header that claims millions of layers is refused by the size of its file", () => {
    expect(() => readLlama2c(checkpoint([8, 6, 2 ** 24, 2, 1, 5, 3]), "m.bin")).toThrowError(
      /16777216 layers.*asks for/,
    );
  });
});

describe("tokenizer", () => {
  const file = llama2cTokenizerFile([
    [" ", -1],
    ["a", -2],
    ["b", -3],
    ["ab", -4],
    [" a", -5],
    [" ab", -6],
    ["é", -7],
  ]);
  const tokenizer = new Llama2cTokenizer(file);
  const [space, a, b, ab, , spaceAb, accent] = [259, 260, 261, 262, 263, 264, 265];

  test("merges the best score first", () => {
    expect(tokenizer.encode("ab")).toEqual([1, spaceAb]);
    expect(tokenizer.encode("bab")).toEqual([1, space, b, ab]);
    expect(tokenizer.encode("é")).toEqual([1, space, accent]);
    expect([tokenizer.encode(""), a]).toEqual([[1], 260]);
  });

  test("what the vocabulary lacks goes byte by byte, and any text comes back", () => {
    expect(tokenizer.encode("z")).toEqual([1, space, 0x7a + 3]);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
  });

  test("a byte order mark is text like any other", () => {
    expect(tokenizer.decode(tokenizer.encode("\uFEFFa"))).toBe("\uFEFFa");
  });

  test("what is saved beside a model loads again, from a source that cannot list its files too", async () => {
    const saved = tokenizer.files();
    expect(saved).toEqual({ "tokenizer.bin": file });
    const unlisted = { ...memorySource(saved), list: async () => [] };
    expect((await loadTokenizer(unlisted)).encode("bab")).toEqual(tokenizer.encode("bab"));
  });

  test("a stream gives out whole characters only", () => {
    const decoder = tokenizer.streamDecoder([1]);
    const pieces = tokenizer
      .encode("a€b")
      .slice(1)
      .map((token) => decoder.push(token));
    expect(pieces.join("")).toBe("a€b");
    expect(pieces.filter((piece) => piece.includes("\uFFFD"))).toEqual([]);
    decoder.push(0xe2 + 3);
    expect(decoder.end()).toBe("\uFFFD");
  });

  test("a truncated file is refused, and is no tokenizer", async () => {
    for (const length of [2, 9, 60, file.length - 1]) {
      expect(() => new Llama2cTokenizer(file.slice(0, length), "t.bin")).toThrowError(/t\.bin/);
    }
    const source = memorySource({ "t.bin": file.slice(0, -1) });
    await expect(loadTokenizer(source)).rejects.toThrowError(/t\.bin: it ends within token 265/);
    await expect(loadTokenizer(memorySource({ "m.bin": checkpoint() }))).rejects.toThrowError(/no tokenizer/);
    expect((await loadTokenizer(memorySource({ "t.bin": file }))).vocabSize).toBe(266);
  });

  test("without special tokens nothing but the space is put before a text", () => {
    expect(tokenizer.encode("ab", { addSpecialTokens: false })).toEqual([spaceAb]);
    expect(tokenizer.encode("", { addSpecialTokens: false })).toEqual([]);
    expect(tokenizer.endToken).toBe(2);
  });

  test("an unknown token is refused", () => {
    expect(() => tokenizer.decode([9999])).toThrowError(expect.objectContaining({ code: "unknown-token" }));
  });
});

describeWhere(sharedData(), "no real data here (SST_DATA_DIR)", "stories260K", () => {
  const folder = join(sharedData() as string, "stories260K");

  test("the checkpoint has the sizes that it is known by", async () => {
    const { config, weights } = await readModelData(folder);
    expect(config).toMatchObject({ hiddenSize: 64, numHiddenLayers: 5, vocabSize: 512, maxPositionEmbeddings: 512 });
    const parameters = Object.values(weights).reduce((sum, { data }) => sum + data.length, 0);
    expect(Math.round(parameters / 1000)).toBe(260);
  });

  test("a truncated copy is refused", () => {
    const bytes = new Uint8Array(readFileSync(join(folder, "stories260K.bin")));
    expect(() => readLlama2c(bytes.subarray(0, 500_000), "stories260K.bin")).toThrowError(/truncated/);
  });

  test("the tokenizer encodes as llama2.c does", async () => {
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.encode("Once upon a time")).toEqual([1, 403, 407, 261, 378]);
    expect(tokenizer.decode([1, 403, 407, 261, 378])).toBe("Once upon a time");
    expect(tokenizer.encode("Once upon a time, so was")).toEqual([1, 403, 407, 261, 378, 432, 384, 286]);
  });
});
