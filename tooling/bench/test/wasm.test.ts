import { expect, test } from "vitest";
import { ceilingKernel } from "../src/wasm/multiply-add.js";
import { memoryReader } from "../src/wasm/read-bandwidth.js";

test.each(["registers", "4×8", "5×8"] as const)("the kernel %s runs and counts its operations", (name) => {
  const kernel = ceilingKernel(name);
  kernel.run();
  expect(kernel.operations).toBeGreaterThan(1e5);
});

test("every pattern reads all of the memory", () => {
  const { bytes, patterns } = memoryReader(100_000);
  expect(bytes).toBeGreaterThan(99_400);
  expect(bytes).toBeLessThanOrEqual(100_000);
  // One lane of four, every byte of the memory being 1.
  const [entry = 0] = new Float32Array(Uint8Array.of(1, 1, 1, 1).buffer);
  for (const read of patterns) expect(read() / ((bytes / 16) * entry)).toBeCloseTo(1, 3);
});
