import { expect, test } from "vitest";
import { disagreement } from "../src/models/losses.js";

const all = [
  [6, 5, 4],
  [6.0003, 5.0003, 4],
  [6, 5, 4.1],
];

test("losses within a ten-thousandth of the engines' median agree", () => {
  expect(disagreement(all[0] as number[], all)).toBeUndefined();
  expect(disagreement(all[1] as number[], all)).toBeUndefined();
});

test("the step where an engine leaves the others is named", () => {
  expect(disagreement(all[2] as number[], all)).toBe(
    "its loss at step 3 is 4.10000, that of the engines in common 4.00000",
  );
});
