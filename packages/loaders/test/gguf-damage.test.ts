/** Damaged GGUF files: always a typed error that names the file, at no cost beyond the file's own size. */
import { memorySource, readModelData } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Bytes,
  ggufBytes,
  LIST,
  llamaMetadata,
  llamaTensors,
  TEXT,
  type TestTensor,
  text,
  U32,
  u32,
} from "./gguf-file.js";

const whole = ggufBytes({
  metadata: llamaMetadata([
    text("general.name", "small"),
    [
      "tokenizer.ggml.tokens",
      LIST,
      (bytes: Bytes) => ["a", "b"].reduce((to, each) => to.text(each), bytes.u32(TEXT).u64(2)),
    ],
    ["tokenizer.ggml.token_type", LIST, (bytes: Bytes) => bytes.u32(U32).u64(2).u32(1).u32(1)],
  ]),
  tensors: llamaTensors(),
});
const dataBytes = llamaTensors().reduce((sum, { data }) => sum + Math.ceil(data.length / 32) * 32, 0);
const headerBytes = whole.length - dataBytes;

const read = (bytes: Uint8Array) => readModelData(memorySource({ "bad.gguf": bytes }));

/** The error of reading; undefined where it can be read. */
async function complaint(bytes: Uint8Array): Promise<SstError | undefined> {
  try {
    await read(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof SstError)) throw error;
    return error;
  }
}

describe("damaged GGUF files", () => {
  test("the file that is damaged here is a good one", async () => {
    expect((await read(whole)).config.vocabSize).toBe(5);
  });

  test("any cut through the header or the data is noticed", async () => {
    // What fills up the last tensor's place belongs to nobody.
    const last = (llamaTensors().at(-1)?.data.length ?? 0) % 32;
    for (let length = 0; length < whole.length - (32 - last); length++) {
      const error = await complaint(whole.slice(0, length));
      expect(error?.code, String(length)).toBe("file-corrupt");
      expect(error?.message, String(length)).toMatch(/bad\.gguf/);
    }
  });

  const lies: [string, Partial<Parameters<typeof ggufBytes>[0]>, RegExp][] = [
    [
      "more tensors than fit the file",
      { tensorCount: 2n ** 63n },
      /number of tensors claims a length of 9223372036854775808/,
    ],
    ["more metadata than fit the file", { metadataCount: 2 ** 40 }, /number of metadata entries claims a length of/],
    ["another version", { version: 4 }, /version 4 of GGUF; supported are 2 and 3/],
    ["a big-endian file", { version: 0x03000000 }, /big-endian/],
    [
      "a key twice",
      { metadata: llamaMetadata([text("general.name", "a"), text("general.name", "b")]) },
      /key "general\.name" twice/,
    ],
    ["a type of values that is none", { metadata: llamaMetadata([["x", 13, () => {}]]) }, /key "x" has type 13/],
    [
      "lists in lists without end",
      { metadata: llamaMetadata([["x", LIST, (bytes) => [1, 2, 3, 4, 5].reduce((to) => to.u32(LIST).u64(1), bytes)]]) },
      /list of lists/,
    ],
    [
      "a list that is longer than the file",
      { metadata: llamaMetadata([["x", LIST, (bytes) => bytes.u32(U32).u64(2 ** 33)]]) },
      /key "x" claims a length of 8589934592/,
    ],
    [
      "a text that is longer than the file",
      { metadata: llamaMetadata([["x", TEXT, (bytes) => bytes.u64(2n ** 64n - 1n)]]) },
      /key "x" claims a length of 18446744073709551615/,
    ],
    [
      "an alignment of nothing",
      { metadata: llamaMetadata([u32("general.alignment", 0)]) },
      /general\.alignment must be a positive integer, got 0/,
    ],
    [
      "an alignment that is no power of two",
      { metadata: llamaMetadata([u32("general.alignment", 24)]) },
      /general\.alignment is 24/,
    ],
    ["an alignment beyond the file", { metadata: llamaMetadata([u32("general.alignment", 2 ** 31)]) }, /ends at byte/],
    [
      "a tensor twice",
      { tensors: [...llamaTensors(), llamaTensors()[0] as TestTensor] },
      /tensor "token_embd\.weight" twice/,
    ],
    ["five dimensions", { tensors: changed({ sizes: [1, 1, 1, 2, 10] }) }, /has 5 dimensions/],
    [
      "a shape that overflows",
      { tensors: changed({ sizes: [2n ** 32n, 2n ** 32n] }) },
      /"token_embd\.weight" ends at byte 73786976294838/,
    ],
    ["sizes beyond any", { tensors: changed({ sizes: [2n ** 63n, 2n ** 63n] }) }, /exceeds the maximum allowed/],
    ["nothing in a tensor", { tensors: changed({ sizes: [4, 0] }) }, /"token_embd\.weight" of shape \[0,4\]/],
    [
      "an offset beyond the file",
      { tensors: changed({ offset: 2n ** 62n }) },
      /"token_embd\.weight" begins at byte 4611686018427387904/,
    ],
    [
      "an offset that is not aligned",
      { tensors: changed({ offset: 4 }) },
      /begins at byte 4 of the data, where 0 was expected/,
    ],
    ["tensors that overlap", { tensors: changed({ offset: 0 }, 1) }, /"blk\.0\.attn_norm\.weight" begins at byte 0/],
    [
      "tensors out of order",
      { tensors: changed({ offset: 512 }, 1) },
      /"blk\.0\.attn_norm\.weight" begins at byte 512/,
    ],
    ["a number of a type that there is not", { tensors: changed({ type: 99 }) }, /"token_embd\.weight" is of type 99/],
  ];
  test.each(lies)("%s is refused", async (_, file, message) => {
    const error = await complaint(ggufBytes({ metadata: llamaMetadata(), tensors: llamaTensors(), ...file }));
    expect(error?.message).toMatch(message);
    expect(error?.message).toMatch(/^bad\.gguf/);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("%d in a tensor is refused", async (value) => {
    const damaged = whole.slice();
    new DataView(damaged.buffer).setFloat32(headerBytes + 4 * 7, value, true);
    const error = await complaint(damaged);
    expect(error?.code).toBe("not-finite");
    expect(error?.message).toMatch(/"model\.embed_tokens\.weight" is not finite: entry 7/);
  });

  test("a scale of infinity is refused as what it gives", async () => {
    const [embedding, ...others] = llamaTensors({ hidden: 32 });
    const blocks = new Uint8Array(5 * 34).fill(1);
    blocks[35] = 0x7c;
    blocks[34] = 0;
    const tensors = [{ ...(embedding as TestTensor), type: 8, data: blocks }, ...others];
    const error = await complaint(ggufBytes({ metadata: llamaMetadata([], { hidden: 32 }), tensors }));
    expect(error?.code).toBe("not-finite");
  });

  test("whatever bytes of the header are changed, it is read or refused by name", async () => {
    const change = fc.record({ at: fc.nat(headerBytes - 1), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = whole.slice();
        for (const { at, value } of changes) damaged[at] = value;
        const error = await complaint(damaged);
        if (error !== undefined) expect(error.message).toMatch(/bad\.gguf|tensor "/);
      }),
      { numRuns: 1500 },
    );
  }, 120_000);

  test("any bytes behind a beginning of the header are refused by name", async () => {
    const tail = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.nat(headerBytes), tail, async (length, bytes) => {
        const error = await complaint(Uint8Array.from([...whole.subarray(0, length), ...bytes]));
        expect(error?.message).toMatch(/bad\.gguf/);
      }),
      { numRuns: 1000 },
    );
  }, 120_000);

  test("numbers in the header that are made as large as can be cost no memory", async () => {
    const before = process.memoryUsage();
    for (let at = 8; at + 8 <= headerBytes; at += 4) {
      const damaged = whole.slice();
      damaged.fill(0xff, at, at + 4);
      damaged[at + 3] = 0x7f;
      await complaint(damaged);
    }
    const after = process.memoryUsage();
    // Garbage of hundreds of tries; one that believed a header would have taken gigabytes.
    expect(after.rss - before.rss).toBeLessThan(300e6);
  });
});

/** The tensors with one of them changed. */
function changed(change: object, index = 0) {
  return llamaTensors().map((tensor, at) => (at === index ? { ...tensor, ...change } : tensor));
}
