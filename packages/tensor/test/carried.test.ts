/** Plans that carry tensors from run to run. */
import {
  add,
  cacheWrite,
  compile,
  memory,
  mul,
  type Plan,
  type PlanProgram,
  ready,
  registerBackend,
  reshape,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@sst/tensor";
import type { KernelBackend, TensorInfo } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { createRuntime, jsPlugin } from "./js-plugin.js";

beforeAll(async () => {
  registerBackend(jsPlugin("one by one"));
  await ready({ backend: "one by one" });
});

const row = (...values: number[]) => tensor(values, [1, values.length]);
const cacheOf = (...values: number[]) => tensor(values, [1, values.length, 1, 1]);
const values = (x: Tensor) => Array.from(x.dataSync());

/** Values, of tensors that are used up. */
function take<Names extends string>(tensors: Readonly<Record<Names, Tensor>>): Record<Names, number[]> {
  const read = Object.entries<Tensor>(tensors).map(([name, each]) => [name, values(each)]);
  for (const each of Object.values<Tensor>(tensors)) each.dispose();
  return Object.fromEntries(read);
}

/** A state that is replaced, what it was before, and a cache that is written in place. */
function record() {
  const inputs = { x: row(1, 2), state: row(10, 20), before: row(0, 0), cache: cacheOf(0, 0, 0) };
  const step = ({ x, state, cache }: Readonly<Record<keyof typeof inputs, Tensor>>) => {
    const next = add(state, x);
    const rows = reshape(sum(next), [1, 1, 1, 1]);
    return { y: mul(next, 2), state: next, before: state, cache: cacheWrite({ cache, rows }, { offset: 0 }).cache };
  };
  const plan = compile(step, inputs, { carries: ["state", "before", "cache"] });
  inputs.x.dispose();
  return { plan, inputs };
}

describe("one by one", () => {
  test("the recording is the first run, and every run starts from what the last one left", () => {
    const before = memory();
    const { plan, inputs } = record();
    expect([inputs.state, inputs.before, inputs.cache].map(({ isDisposed }) => isDisposed)).toEqual([true, true, true]);
    expect(take(plan.first)).toEqual({ y: [22, 44] });
    const { plan: recorded } = plan;
    expect([Object.keys(recorded.inputs), Object.keys(recorded.outputs)]).toEqual([["x"], ["y"]]);
    expect(Object.keys(recorded.carries)).toEqual(["state", "before", "cache"]);
    expect(recorded.consumes).toEqual([]);
    const resting = memory();
    for (const offset of [1, 2]) {
      const x = row(1, 1);
      expect(take(plan.run({ x }, { "cacheWrite.offset": offset }))).toEqual({ y: [22 + 2 * offset, 44 + 2 * offset] });
      x.dispose();
    }
    const x = row(1, 1);
    const beyond = expect.objectContaining({
      code: "invalid-argument",
      message: expect.stringMatching(/attribute "offset" should be a whole number of at least 0/),
    });
    expect(() => plan.run({ x }, { "cacheWrite.offset": -1 })).toThrowError(beyond);
    x.dispose();
    expect(memory()).toEqual(resting);
    const left = { state: [13, 24], before: [12, 23], cache: [33, 35, 37] };
    expect(Object.entries(plan.carried()).map(([name, each]) => [name, values(each)])).toEqual(Object.entries(left));
    expect(take(plan.release())).toEqual(left);
    plan.dispose();
    expect(memory()).toEqual(before);
  });

  test("what it carries is released, and it goes on from other tensors", () => {
    const before = memory();
    const { plan } = record();
    take(plan.first);
    const refusal = (code: string, message: RegExp) =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    expect(() => plan.takeOver(plan.carried())).toThrowError(refusal("contradiction", /carries something already/));
    take(plan.release());
    const x = row(1, 1);
    const nothing = refusal("contradiction", /was released: let it take over/);
    expect(() => plan.run({ x })).toThrowError(nothing);
    expect(() => plan.carried()).toThrowError(nothing);
    expect(() => plan.release()).toThrowError(nothing);
    const others = { state: row(1, 2), before: row(0, 0), cache: cacheOf(7, 8, 9) };
    expect(() => plan.takeOver({ ...others, cache: others.state })).toThrowError(
      refusal("shape-mismatch", /"cache" should be \[1,3,1,1\] of float32, but is \[1,2\]/),
    );
    const mine = others.cache.clone();
    plan.takeOver(others);
    expect(take(plan.run({ x }, { "cacheWrite.offset": 1 }))).toEqual({ y: [4, 6] });
    expect(take(plan.release())).toEqual({ state: [2, 3], before: [1, 2], cache: [7, 5, 9] });
    expect(take({ mine })).toEqual({ mine: [7, 8, 9] });
    plan.dispose();
    x.dispose();
    expect(memory()).toEqual(before);
  });

  test("disposed of, it is gone", () => {
    const before = memory();
    const { plan } = record();
    take(plan.first);
    plan.dispose();
    plan.dispose();
    expect(memory()).toEqual(before);
    const gone = expect.objectContaining({ code: "disposed" });
    const x = row(1, 1);
    expect(() => plan.run({ x })).toThrowError(gone);
    expect(() => plan.carried()).toThrowError(gone);
    expect(() => plan.release()).toThrowError(gone);
    expect(() => plan.takeOver({} as never)).toThrowError(gone);
    x.dispose();
  });

  test("whoever holds a carried tensor keeps what it held", () => {
    const cache = cacheOf(0, 0);
    const mine = cache.clone();
    const step = ({ rows, cache }: Readonly<Record<"rows" | "cache", Tensor>>) => {
      const next = cacheWrite({ cache, rows }, { offset: 0 }).cache;
      return { view: reshape(next, [2]), cache: next };
    };
    const plan = compile(step, { rows: cacheOf(1), cache }, { carries: ["cache"] });
    // The copy that was made for the recording is no part of it.
    expect(plan.plan.calls.map(({ kernel }) => kernel)).toEqual(["sst/cacheWrite", "Reshape"]);
    const held = plan.carried().cache.clone();
    const second = plan.run({ rows: cacheOf(2) }, { "cacheWrite.offset": 1 });
    const third = plan.run({ rows: cacheOf(3) });
    expect([mine, held, plan.first.view, second.view, third.view].map(values)).toEqual([
      [0, 0],
      [1, 0],
      [1, 0],
      [1, 2],
      [3, 2],
    ]);
    plan.dispose();
  });

  test("inside a tidy what is carried stays", () => {
    const plans: ReturnType<typeof record>["plan"][] = [];
    tidy(() => {
      plans.push(record().plan);
    });
    const plan = plans[0] as (typeof plans)[number];
    const y = tidy(() => values(plan.run({ x: row(1, 1) }).y));
    expect(y).toEqual([24, 46]);
    expect(values(plan.carried().state)).toEqual([12, 23]);
    plan.dispose();
  });

  test("a carried name is an input and an output of one shape, and the tensors are the caller's until the plan is there", () => {
    const inputs = { x: row(1, 2), state: row(3, 4) };
    const carry = (f: (given: typeof inputs) => Record<"y" | "state", Tensor>) => () =>
      compile(f as never, inputs, { carries: ["state"] as never[] });
    const before = memory();
    const refusal = (code: string, message: RegExp) =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    expect(carry(({ x }) => ({ y: mul(x, 2) }) as never)).toThrowError(
      refusal("invalid-argument", /carries "state", but the function does not give it out/),
    );
    expect(carry(({ x, state }) => ({ y: x, state: reshape(mul(state, 2), [2]) }))).toThrowError(
      refusal("shape-mismatch", /"state", which comes in as \[1,2\] of float32 and goes out as \[2\] of float32/),
    );
    expect(() => compile(({ x }) => ({ x, z: x }), { x: inputs.x }, { carries: ["z"] as never[] })).toThrowError(
      refusal("invalid-argument", /carries "z", which is no input of it/),
    );
    expect(memory()).toEqual(before);
    using plan = compile(({ x, state }) => ({ y: x, state: add(state, x) }), inputs, { carries: ["state"] });
    expect(() => plan.run({ x: inputs.x, state: inputs.x } as never)).toThrowError(
      refusal("invalid-argument", /no input "state" \(x; it carries that one\)/),
    );
    for (const each of [inputs.x, plan.first.y]) each.dispose();
  });
});

describe("a backend that compiles", () => {
  /** Adds x to the state where it lies, and gives a copy of it. */
  class Accumulator implements PlanProgram {
    readonly bound: Readonly<Record<string, TensorInfo>>[] = [];
    disposed = 0;
    /** One object for all runs. */
    readonly #outputs: Record<string, TensorInfo> = {};

    constructor(private readonly engine: KernelBackend) {}

    bind(carried: Readonly<Record<string, TensorInfo>>): void {
      this.bound.push({ ...carried });
    }

    run({ x }: Readonly<Record<string, TensorInfo>>): Readonly<Record<string, TensorInfo>> {
      const state = this.#memoryOf(this.bound.at(-1)?.state as TensorInfo);
      for (const [index, value] of this.#memoryOf(x as TensorInfo).entries())
        state[index] = (state[index] as number) + value;
      const y = Float32Array.from(state);
      this.#outputs.y = { shape: [1, 2], dtype: "float32", dataId: this.engine.write(y, [1, 2], "float32") };
      return this.#outputs;
    }

    dispose(): void {
      this.disposed++;
    }

    #memoryOf({ dataId }: TensorInfo): Float32Array {
      return this.engine.readSync(dataId) as Float32Array;
    }
  }

  test("binds what is carried once, and again where somebody took hold of it", async () => {
    let program: Accumulator | undefined;
    let plan: Plan | undefined;
    registerBackend(
      jsPlugin("accumulator", 1, {
        initialize: async () => createRuntime(),
        compile: ({ engine }, given) => {
          plan = given;
          program = new Accumulator(engine);
          return program;
        },
      }),
    );
    await ready({ backend: "accumulator" });
    const before = memory();
    const x = row(1, 1);
    const step = ({ x, state }: Readonly<Record<"x" | "state", Tensor>>) => {
      const next = add(state, x);
      return { y: next, state: next };
    };
    const sums = compile(step, { x, state: row(10, 20) }, { carries: ["state"] });
    expect(plan).toMatchObject({ inputs: { x: 0 }, carries: { state: { input: 1, output: 2 } }, outputs: { y: 2 } });
    expect(sums.isCompiled).toBe(true);
    expect(take(sums.run({ x }))).toEqual({ y: [12, 22] });
    // The first output is a view of what was carried; nobody writes over it.
    expect(take(sums.first)).toEqual({ y: [11, 21] });
    expect(values(sums.carried().state)).toEqual([12, 22]);
    expect(take(sums.run({ x }))).toEqual({ y: [13, 23] });
    expect(program?.bound).toHaveLength(1);
    const held = sums.carried().state.clone();
    expect(take(sums.run({ x }))).toEqual({ y: [14, 24] });
    expect(program?.bound).toHaveLength(2);
    expect(take({ held })).toEqual({ held: [13, 23] });
    expect(take(sums.release())).toEqual({ state: [14, 24] });
    const other = { state: row(1, 2) };
    sums.takeOver(other);
    expect(take(sums.run({ x }))).toEqual({ y: [2, 3] });
    expect(program?.bound).toHaveLength(3);
    sums.dispose();
    expect(program?.disposed).toBe(1);
    x.dispose();
    expect(memory()).toEqual(before);
  });

  test("what it throws leaves the tensors with the caller", async () => {
    registerBackend(
      jsPlugin("hopeless", 1, {
        compile: () => {
          throw new Error("not today");
        },
      }),
    );
    await ready({ backend: "hopeless" });
    const inputs = { x: row(1, 1), state: row(2, 3) };
    const before = memory();
    expect(() =>
      compile(({ x, state }) => ({ y: x, state: add(state, x) }), inputs, { carries: ["state"] }),
    ).toThrowError("not today");
    expect(memory()).toEqual(before);
    expect(values(inputs.state)).toEqual([2, 3]);
  });
});
