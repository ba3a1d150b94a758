/** Operation counts against counting by hand. */
import { completionFlops, headFlops, iterationFlops } from "@sst/layers";
import { expect, test } from "vitest";
import { tinyConfig } from "./tiny-model.js";

test("as counted by hand", () => {
  // A layer: q and o 16·16 each, k and v 16·8 each, gate, up and down 16·24 each: 1920 products; then 4·16 per key, 3·16.
  expect(iterationFlops(tinyConfig, 5)).toBe(2 * (2 * 1920 + 4 * 16 * 5 + 48));
  expect(iterationFlops(tinyConfig, 5, true)).toBe(2 * (2 * 1920 + 4 * 16 * 5));
  expect(headFlops(tinyConfig)).toBe(2 * 16 * 11);
  // Three tokens of prompt, three new ones by 1, 2 and 4 iterations: the last new one is never read.
  const at = (keys: number) => iterationFlops(tinyConfig, keys);
  expect(completionFlops(tinyConfig, 3, [1, 2, 4])).toBe(
    at(1) + at(2) + at(3) + 2 * at(4) + 4 * at(5) + 3 * headFlops(tinyConfig),
  );
  // Recirculation: a matrix of 16 × 16 and a blend for each iteration after a position's first.
  const recirculating = { ...tinyConfig, stateStream: { alphaMin: 0, alphaMax: 0.5, recirculate: true } };
  expect(completionFlops(recirculating, 3, [1, 2, 4]) - completionFlops(tinyConfig, 3, [1, 2, 4])).toBe(
    4 * (2 * 16 * 16 + 3 * 16),
  );
  expect(completionFlops(recirculating, 3, [4], true)).toBe(completionFlops(tinyConfig, 3, [4], true));
});
