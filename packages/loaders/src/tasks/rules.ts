/** The rules: running parity, running sum mod n, and products in the symmetric groups S3 and S5. */
import { SstError } from "@sst/tensor";
import { ownTask, type Task, type TaskRule } from "./task.js";

/** @throws SstError `invalid-argument` naming the known tasks */
export function createTask(name: string): Task {
  return ownTask(ruleOf(name));
}

function ruleOf(name: string): TaskRule {
  if (name === "parity") return { ...runningSum(2), name };
  if (name === "s3") return symmetricGroup(3);
  if (name === "s5") return symmetricGroup(5);
  const modulus = Number(/^sum([1-9]\d?)$/.exec(name)?.[1]);
  if (modulus >= 2 && modulus <= 97) return runningSum(modulus);
  throw new SstError(
    "invalid-argument",
    `unknown task "${name}"; there are parity, sum2 to sum97 (running sum mod n), s3 and s5`,
  );
}

function runningSum(modulus: number): TaskRule {
  return {
    name: `sum${modulus}`,
    symbols: Array.from({ length: modulus }, (_, value) => String(value)),
    start: 0,
    step: (state, symbol) => (state + symbol) % modulus,
  };
}

/** Permutations of 1 … n in one-line notation; a symbol x takes the state s to s∘x, the map i ↦ s(x(i)). */
function symmetricGroup(degree: number): TaskRule {
  const permutations = permutationsOf(Array.from({ length: degree }, (_, index) => index));
  const index = new Map(permutations.map((permutation, position) => [permutation.join(), position]));
  const products = permutations.map((left) =>
    permutations.map((right) => index.get(right.map((image) => left[image]).join()) as number),
  );
  return {
    name: `s${degree}`,
    symbols: permutations.map((permutation) => permutation.map((image) => image + 1).join("")),
    start: 0,
    step: (state, symbol) => (products[state] as number[])[symbol] as number,
  };
}

/** In lexicographic order, the identity first. */
function permutationsOf(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutationsOf(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}
