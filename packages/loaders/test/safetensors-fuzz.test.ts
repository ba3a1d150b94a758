/**
 * Damaged safetensors: whatever is done to a file, it is read as what it says, or refused by its name. Never is more asked of
 * a file than it holds, nor more memory taken than it has bytes.
 */
import {
  memorySource,
  modelFiles,
  type OpenFile,
  openSafetensors,
  readModelData,
  writeSafetensors,
} from "@sst/loaders";
import { SstError } from "@sst/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

const fileName = "fuzzed.safetensors";
const tensors = {
  "model.a.weight": { shape: [3, 2], data: Float32Array.of(1, -2, 3, -4, 5, -6) },
  "model.b.weight": { shape: [4], data: Float32Array.of(0.5, 0.25, -0.125, 8) },
  empty: { shape: [0, 7], data: new Float32Array(0) },
  one: { shape: [], data: Float32Array.of(7) },
};
const kinds = (["float32", "bfloat16", "float16"] as const).map((dtype) => writeSafetensors(tensors, { dtype }));
const headerEnd = (bytes: Uint8Array) => 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));

/** Reads all tensors of a file that watches how it is read. */
async function readWatched(bytes: Uint8Array): Promise<Record<string, { shape: readonly number[]; data: number[] }>> {
  const file: OpenFile = {
    sizeBytes: bytes.length,
    read: async (position, into) => {
      expect(position).toBeGreaterThanOrEqual(0);
      expect(position + into.length, "no byte is asked for that the file does not have").toBeLessThanOrEqual(
        bytes.length,
      );
      expect(into.buffer.byteLength, "no memory is larger than the file").toBeLessThanOrEqual(bytes.length);
      into.set(bytes.subarray(position, position + into.length));
    },
    close: async () => {},
  };
  const opened = await openSafetensors(file, fileName);
  const read: Record<string, { shape: readonly number[]; data: number[] }> = {};
  for (const [name, shape] of Object.entries(opened.shapes)) {
    const data: number[] = [];
    await opened.read(name, (values) => data.push(...values));
    read[name] = { shape, data };
  }
  return read;
}

/** What a file says, read without our code: JSON, offsets, and values as the types' definitions have them. */
function readPlainly(bytes: Uint8Array): Record<string, { shape: readonly number[]; data: number[] }> {
  const end = headerEnd(bytes);
  const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
  const view = new DataView(bytes.buffer, bytes.byteOffset + end, bytes.length - end);
  const values: Record<string, (at: number) => number> = {
    F32: (at) => view.getFloat32(at, true),
    BF16: (at) => {
      const wide = new DataView(new ArrayBuffer(4));
      wide.setUint16(0, view.getUint16(at, true));
      return wide.getFloat32(0);
    },
    F16: (at) => {
      const bits = view.getUint16(at, true);
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
      const magnitude =
        exponent === 31
          ? fraction
            ? Number.NaN
            : Number.POSITIVE_INFINITY
          : 2 ** (Math.max(exponent, 1) - 25) * (fraction + (exponent ? 1024 : 0));
      return bits & 0x8000 ? -magnitude : magnitude;
    },
  };
  const read = Object.entries(
    entries as Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>,
  ).map(([name, { dtype, shape, data_offsets }]) => {
    const size = dtype === "F32" ? 4 : 2;
    const count = shape.reduce((left, right) => left * right, 1);
    const valueAt = values[dtype] as (at: number) => number;
    return [
      name,
      { shape, data: Array.from({ length: count }, (_, i) => valueAt((data_offsets[0] as number) + i * size)) },
    ];
  });
  return Object.fromEntries(read);
}

/** Either what the file says, or an error of ours with the file's name. */
async function readOrRefused(bytes: Uint8Array): Promise<"read" | "refused"> {
  let read: Awaited<ReturnType<typeof readWatched>>;
  try {
    read = await readWatched(bytes);
  } catch (error) {
    if (!(error instanceof SstError)) throw error;
    expect(["file-corrupt", "file-unsupported"]).toContain(error.code);
    expect(error.message).toContain(fileName);
    expect(error.message, "it says what to do").toMatch(/get it again|get the file|convert it/i);
    return "refused";
  }
  expect(read).toEqual(readPlainly(bytes));
  return "read";
}

test("a cut at any byte of a file is noticed", async () => {
  for (const bytes of kinds) {
    expect(await readOrRefused(bytes)).toBe("read");
    for (let length = 0; length < bytes.length; length++) {
      expect(await readOrRefused(bytes.slice(0, length)), `${length} bytes`).toBe("refused");
    }
  }
});

test("every byte of the header, changed to others", async () => {
  const bytes = (kinds[1] as Uint8Array).slice();
  let read = 0;
  for (let position = 0; position < headerEnd(kinds[1] as Uint8Array); position++) {
    const was = bytes[position] as number;
    // Printable ones, and those beside a bit of the byte.
    const values = [...new Set([0, 255, 34, 44, 48, 57, 91, 93, 123, 125, was ^ 1, was ^ 2, was ^ 16, was ^ 128])];
    for (const value of values) {
      bytes[position] = value;
      if ((await readOrRefused(bytes)) === "read") read++;
    }
    bytes[position] = was;
  }
  // Names may change, and spaces at the end; most of what is changed is noticed.
  expect(read).toBeGreaterThan(0);
});

const edits = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.integer({ min: 0, max: 8 }),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        "-",
        "1e309",
        "9007199254740993",
        "0",
        "null",
        '"F64"',
        '"shape"',
      ),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

test("any edits of a file", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...kinds), edits, fc.boolean(), async (kind, changes, inHeader) => {
      let bytes: Uint8Array = kind;
      for (const { at, insert, remove } of changes) {
        const position = Math.floor(at * (inHeader ? Math.min(bytes.length, headerEnd(kind)) : bytes.length));
        const added = typeof insert === "string" ? new TextEncoder().encode(insert) : insert;
        bytes = Uint8Array.of(...bytes.subarray(0, position), ...added, ...bytes.subarray(position + remove));
      }
      await readOrRefused(bytes);
    }),
    { numRuns: 3000 },
  );
});

/** Sizes as they are, and as nobody has them. */
const size = fc.oneof(
  fc.integer({ min: 0, max: 64 }),
  fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, 2 ** 63, 1e308, "4", null),
);
const wildHeader = fc.dictionary(
  fc.constantFrom("a", "b", "__metadata__", "__proto__", "constructor", "toString", ""),
  fc.record(
    {
      dtype: fc.constantFrom("F32", "F16", "BF16", "F64", "I64", "F8_E4M3", "", 3),
      shape: fc.array(size, { maxLength: 3 }),
      data_offsets: fc.array(size, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
);

test("any header before any number of bytes", async () => {
  await fc.assert(
    fc.asyncProperty(wildHeader, fc.integer({ min: 0, max: 64 }), async (header, dataBytes) => {
      const json = new TextEncoder().encode(JSON.stringify(header));
      await readOrRefused(withHeader(json, dataBytes));
    }),
    { numRuns: 3000 },
  );
});

function withHeader(json: Uint8Array, dataBytes: number, claimed = BigInt(json.length)): Uint8Array {
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed, true);
  bytes.set(json, 8);
  return bytes;
}

describe("what a header may not say", () => {
  const text = (json: string) => new TextEncoder().encode(json);
  const entry = (shape: number[], begin: number, end: number) =>
    JSON.stringify({ dtype: "F32", shape, data_offsets: [begin, end] });

  test("a length that no file has", async () => {
    for (const claimed of [57n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      await expect(readWatched(withHeader(text("{}"), 0, claimed))).rejects.toMatchObject({
        message: /fuzzed\.safetensors: its header claims \d+ bytes, the file has 10/,
      });
    }
  });

  const refused: [string, string, number, RegExp][] = [
    ["a tensor twice", `{"a":${entry([1], 0, 4)},"a":${entry([1], 4, 8)}}`, 8, /has the key "a" twice/],
    [
      "a tensor twice in the same words",
      `{"a":${entry([1], 0, 4)},"a":${entry([1], 0, 4)}}`,
      4,
      /has the key "a" twice/,
    ],
    ["a tensor twice, once with escapes", `{"a":${entry([1], 0, 4)},"\\u0061":${entry([1], 4, 8)}}`, 8, /"a" twice/],
    ["a field twice", `{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}`, 4, /"dtype" twice/],
    ["a shape that overflows", `{"a":${entry([2 ** 40, 2 ** 40], 0, 4)}}`, 4, /"a" of shape .* can be counted/],
    ["a shape that overflows before a zero", `{"a":${entry([2 ** 40, 2 ** 40, 0], 0, 0)}}`, 0, /"a" .* can be counted/],
    ["a size that is no safe integer", `{"a":${entry([2 ** 53], 0, 4)}}`, 4, /"a": field "shape\.0"/],
    ["a field that the format does not know", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4, /"a"/],
    ["a space before it", ` {"a":${entry([1], 0, 4)}}`, 4, /does not begin with "\{"/],
    ["a list", "[]", 0, /does not begin with "\{"/],
    [
      "a name that JavaScript has for itself",
      `{"__proto__":${entry([1], 0, 4)}}`,
      4,
      /"__proto__" is no name of a tensor/,
    ],
    ["metadata that are no texts", `{"__metadata__":{"a":1}}`, 0, /metadata are no texts/],
  ];
  for (const [title, json, dataBytes, message] of refused) {
    test(title, () => expect(readWatched(withHeader(text(json), dataBytes))).rejects.toMatchObject({ message }));
  }

  test("a header that is nested without end", async () => {
    const deep = text(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
    expect(await readOrRefused(withHeader(deep, 0))).toBe("refused");
  });

  test("bytes that are no UTF-8", async () => {
    const json = text(`{"a":${entry([1], 0, 4)}}`);
    json[2] = 0xff;
    await expect(readWatched(withHeader(json, 4))).rejects.toMatchObject({ message: /header.* is no UTF-8 text/ });
  });
});

test("any damage to any file of a model is refused by the file's name, or changes numbers only", async () => {
  const files = modelFiles(tinyModel());
  const names = Object.keys(files);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.nat(),
      fc.nat(255),
      fc.boolean(),
      async (name, where, value, cut) => {
        const bytes = (files[name] as Uint8Array).slice();
        const position = where % bytes.length;
        bytes[position] = value;
        const damaged = { ...files, [name]: cut ? bytes.slice(0, position) : bytes };
        const outcome = await readModelData(memorySource(damaged)).catch((error: unknown) => error);
        if (!(outcome instanceof Error)) return;
        expect(outcome).toBeInstanceOf(SstError);
        // A config that is another model's makes the weights wrong.
        const mayBeNamed = name === "config.json" ? names : [name];
        expect(
          mayBeNamed.some((each) => outcome.message.includes(each)),
          outcome.message,
        ).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});
