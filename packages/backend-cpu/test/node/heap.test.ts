/** The heap: what is handed out never overlaps, comes back, and is typed when there is no more. */
import { Random } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { Heap } from "../../src/heap.js";

describe.each([true, false])("shared: %s", (isShared) => {
  test("pieces of any size and order never overlap and keep what they hold", () => {
    const heap = new Heap(isShared);
    const random = new Random("heap");
    const pieces = new Map<number, { words: number; mark: number }>();
    for (let step = 0; step < 3000; step++) {
      if (pieces.size > 40 && random.integer(2) === 0) {
        const address = [...pieces.keys()][random.integer(pieces.size)] as number;
        const { words, mark } = pieces.get(address) as { words: number; mark: number };
        const held = heap.words.subarray(address / 4, address / 4 + words);
        expect(held.every((word) => word === mark)).toBe(true);
        heap.free(address);
        pieces.delete(address);
        continue;
      }
      const words = 1 + random.integer(step % 50 === 0 ? 400_000 : 5_000);
      const address = heap.allocate(words * 4);
      expect(address % 64).toBe(0);
      heap.words.fill(step, address / 4, address / 4 + words);
      pieces.set(address, { words, mark: step });
    }
  });

  test("sizes that keep changing do not make it grow without end", () => {
    const heap = new Heap(isShared);
    const round = (seed: number) => {
      const random = new Random(`sizes/${seed}`);
      const addresses = Array.from({ length: 100 }, () => heap.allocate(4 * (1 + random.integer(100_000))));
      for (const address of addresses) heap.free(address);
    };
    for (let seed = 0; seed < 20; seed++) round(seed);
    const size = heap.bytes.length;
    for (let seed = 20; seed < 200; seed++) round(seed);
    expect(heap.bytes.length).toBeLessThanOrEqual(size * 1.6);
  });
});

test("what was given back cannot be given back again", () => {
  const heap = new Heap(false);
  const address = heap.allocate(100);
  heap.free(address);
  expect(() => heap.free(address)).toThrow(/given back twice/);
});

test("more than there is, is a typed error, and the rest goes on", () => {
  const heap = new Heap(false);
  const address = heap.allocate(4096);
  expect(() => heap.allocate(2 ** 33)).toThrow(expect.objectContaining({ code: "out-of-memory" }));
  heap.free(address);
  expect(heap.allocate(4096)).toBe(address);
});
