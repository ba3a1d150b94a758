/**
 * The rules: running parity, running sum mod n, products in the symmetric groups S3 and S5, a register machine, and the same
 * kind of task in words.
 */
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
  if (name === "chain") return registerMachine();
  if (name === "rooms") return walkThroughRooms();
  const modulus = Number(/^sum([1-9]\d?)$/.exec(name)?.[1]);
  if (modulus >= 2 && modulus <= 97) return runningSum(modulus);
  throw new SstError(
    "invalid-argument",
    `unknown task "${name}"; there are parity, sum2 to sum97 (running sum mod n), chain, rooms, s3 and s5`,
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

const residues = [0, 1, 2, 3, 4];

/** A register mod 5: `+ 3` adds, `* 3` multiplies (never by 0), `r 3` takes the register away from 3. */
function registerMachine(): TaskRule {
  const operations = residues.flatMap((operand) => [
    { symbol: `+ ${operand}`, apply: (state: number) => state + operand },
    ...(operand === 0 ? [] : [{ symbol: `* ${operand}`, apply: (state: number) => state * operand }]),
    { symbol: `r ${operand}`, apply: (state: number) => operand - state + 5 },
  ]);
  return modFive("chain", operations);
}

/** A walk around a ring of five rooms, a sentence of five words a step: "she goes 2 on .". */
function walkThroughRooms(): TaskRule {
  const steps = [1, 2, 3, 4].flatMap((count) => [
    { symbol: `she goes ${count} on .`, apply: (room: number) => room + count },
    { symbol: `she goes ${count} back .`, apply: (room: number) => room - count + 5 },
  ]);
  const visits = residues.map((room) => ({ symbol: `she visits room ${room} .`, apply: () => room }));
  const mirrors = residues.map((room) => ({
    symbol: `she mirrors in ${room} .`,
    apply: (from: number) => 2 * room - from + 5,
  }));
  return modFive("rooms", [...steps, ...visits, ...mirrors]);
}

interface Operation {
  readonly symbol: string;
  /** What it makes of a state, before the remainder is taken; not negative. */
  readonly apply: (state: number) => number;
}

function modFive(name: string, operations: readonly Operation[]): TaskRule {
  return {
    name,
    symbols: operations.map(({ symbol }) => symbol),
    states: residues.map(String),
    start: 0,
    step: (state, symbol) => (operations[symbol] as Operation).apply(state) % 5,
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
