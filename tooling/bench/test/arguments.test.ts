import { expect, test } from "vitest";
import { parseArguments, UsageError } from "../src/arguments.js";

const known = ["matmul", "training", "decode"];

test("without names everything is measured", () => {
  expect(parseArguments([], known)).toEqual({ measurements: known, rounds: 5 });
});

test("what is named is measured, in the page's order", () => {
  expect(parseArguments(["decode", "matmul", "--rounds", "3"], known)).toEqual({
    measurements: ["matmul", "decode"],
    rounds: 3,
  });
});

test.each([
  [["matmull"], /no measurement "matmull"; there are matmul, training, decode/],
  [["--rounds", "0"], /--rounds should be a whole number of at least 1, but is 0/],
  [["--rounds", "many"], /but is many/],
  [["--fast"], /--fast/],
])("%j is refused in words", (args, message) => {
  expect(() => parseArguments(args, known)).toThrow(UsageError);
  expect(() => parseArguments(args, known)).toThrow(message);
});
