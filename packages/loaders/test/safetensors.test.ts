/** safetensors: bit for bit there and back, and every lie in a header is found. */
import { readSafetensors, writeSafetensors } from "@sst/loaders";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** The format's own, and those that valibot keeps out of objects: a file with one of them is refused. */
const reserved = ["__metadata__", "__proto__", "prototype", "constructor"];

const tensors = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => !reserved.includes(name)),
  fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
    const size = shape.reduce((left, right) => left * right, 1);
    return fc.float32Array({ minLength: size, maxLength: size, noNaN: true }).map((data) => ({ shape, data }));
  }),
);

/** A file with a header of our making before `dataBytes` zeros. */
function fileWith(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("safetensors", () => {
  test("what is written is read again bit for bit", () => {
    fc.assert(
      fc.property(tensors, (given) => {
        expect(readSafetensors(writeSafetensors(given), "f")).toEqual({ ...given });
      }),
    );
  });

  test("half and brain floats are widened exactly", () => {
    const bytes = fileWith({ a: entry(0, 10, [5], "F16"), b: entry(10, 14, [2], "BF16") }, 14);
    const data = new DataView(bytes.buffer, bytes.length - 14);
    const halves = [0x3c00, 0xc500, 0x0001, 0x7bff, 0x8000, 0x3f80, 0xc2f7];
    for (const [index, half] of halves.entries()) data.setUint16(2 * index, half, true);
    const { a, b } = readSafetensors(bytes, "f");
    expect(Array.from(a?.data ?? [])).toEqual([1, -5, 2 ** -24, 65504, -0]);
    expect(Array.from(b?.data ?? [])).toEqual([1, -123.5]);
  });

  test("any cut through a file is noticed", () => {
    const whole = writeSafetensors({ a: { shape: [3], data: Float32Array.of(1, 2, 3) } });
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSafetensors(whole.slice(0, length), "cut.safetensors"), String(length)).toThrowError(
        /cut\.safetensors/,
      );
    }
  });

  const lies: [string, unknown, number, RegExp][] = [
    ["offsets beyond the file", { a: entry(0, 16) }, 8, /"a" claims bytes 0 to 16 of 8/],
    ["a shape that needs another size", { a: entry(0, 8, [3]) }, 8, /"a" of shape \[3\] needs 12 bytes, but has 8/],
    ["tensors that overlap", { a: entry(0, 8), b: entry(4, 8) }, 8, /"b" begins at byte 4/],
    ["a gap", { a: entry(0, 4), b: entry(8, 12) }, 12, /"b" begins at byte 8/],
    ["bytes that belong to nothing", { a: entry(0, 4) }, 8, /4 bytes at its end/],
    ["offsets backwards", { a: entry(8, 4, [1]) }, 8, /"a" claims bytes 8 to 4/],
    ["a negative size", { a: entry(0, 4, [-1]) }, 4, /field/],
    ["no JSON", "{", 0, /not valid JSON/],
  ];
  for (const [name, header, dataBytes, pattern] of lies) {
    test(`${name} is refused`, () => {
      const read = () => readSafetensors(fileWith(header, dataBytes), "f");
      expect(read).toThrowError(expect.objectContaining({ code: "file-corrupt" }));
      expect(read).toThrowError(pattern);
    });
  }

  test("other types of values are refused by name", () => {
    const read = () => readSafetensors(fileWith({ a: entry(0, 8, [1], "F64") }, 8), "f");
    expect(read).toThrowError(/"a" holds F64; F32, F16, BF16/);
  });
});
