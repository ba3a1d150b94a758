/** Plans: recorded once, run on other inputs, by the backend as one where it can. */
import {
  adamwUpdate,
  add,
  type BackendContext,
  type CompiledPlan,
  cacheWrite,
  compile,
  gatedActivation,
  matMul,
  memory,
  mul,
  type Plan,
  type PlanProgram,
  ready,
  registerBackend,
  reshape,
  rmsNorm,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
  valueAndGradients,
} from "@sst/tensor";
import type { KernelBackend, TensorInfo } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { createRuntime, jsPlugin } from "./js-plugin.js";

beforeAll(async () => {
  registerBackend(jsPlugin("one by one"));
  await ready({ backend: "one by one" });
});

const row = (...values: number[]) => tensor(values, [1, values.length]);
const values = (x: Tensor) => Array.from(x.dataSync());

/** Runs a plan and gives its outputs' values; inputs and outputs are disposed of. */
function run<Names extends string>(
  plan: CompiledPlan<string, Names>,
  inputs: Record<string, Tensor>,
  variables?: Record<string, number>,
): Record<Names, number[]> {
  const outputs = plan.run(inputs, variables);
  const read = Object.entries<Tensor>(outputs).map(([name, output]) => [name, values(output)]);
  disposeAll(inputs, outputs);
  return Object.fromEntries(read);
}

function disposeAll(...groups: Readonly<Record<string, Tensor>>[]): void {
  for (const each of groups.flatMap((group) => Object.values(group))) each.dispose();
}

describe("recording", () => {
  test("kernels of ours and basic operations, inputs, constants and what lies in one buffer", () => {
    const before = memory();
    const weight = tensor([2, 2]);
    const x = row(1, 2);
    const plan = compile(
      ({ x }) => {
        const { y } = rmsNorm({ x, weight }, { epsilon: 1e-5 });
        return { y: reshape(mul(y, 3), [2]) };
      },
      { x },
    );
    const { calls, values: all, inputs, outputs, variables, consumes, backend } = plan.plan;
    expect(calls.map(({ kernel }) => kernel)).toEqual(["sst/rmsNorm", "Multiply", "Reshape"]);
    expect(backend).toBe("one by one");
    expect(variables).toEqual({});
    expect(consumes).toEqual([]);
    expect(all.filter(({ constant }) => constant).map(({ shape }) => shape)).toEqual([[2], []]);
    const [product, reshaped] = [calls[1]?.outputs[0] as number, outputs.y];
    expect(reshaped).not.toBe(product);
    expect(all[reshaped as number]?.buffer).toBe(all[product]?.buffer);
    expect(all[inputs.x as number]).toMatchObject({ shape: [1, 2], dtype: "float32" });
    expect(values(plan.first.y)).toEqual([1, 2].map((value) => expect.closeTo((6 * value) / Math.sqrt(2.5), 4)));
    disposeAll({ weight, x }, plan.first);
    plan.dispose();
    expect(memory()).toEqual(before);
  });

  test("gradients are calls like any others", () => {
    const w = tensor([1, 2, 3, 4], [2, 2]);
    const step = ({ x, w }: Readonly<Record<"x" | "w", Tensor>>) => {
      const { value, gradients } = valueAndGradients(
        () => sum(gatedActivation({ gate: matMul(x, w), up: x }, { activation: "silu" }).y),
        {
          w,
        },
      );
      return { value: value as Tensor, dw: gradients.w };
    };
    using plan = compile(step, { x: row(1, 1), w });
    disposeAll(plan.first);
    const inputs = { x: row(0.5, -2), w: tensor([3, 1, -1, 2], [2, 2]) };
    const direct = tidy(() => Object.values(step(inputs)).map(values));
    expect(Object.values(run(plan, inputs))).toEqual(direct);
    w.dispose();
  });

  test("a plan does not use up what is no input of it", () => {
    const cache = tensor(new Float32Array(4), [1, 2, 1, 2]);
    const rows = tensor([1, 2], [1, 1, 1, 2]);
    const record = () => compile(({ rows }) => ({ cache: cacheWrite({ cache, rows }, { offset: 0 }).cache }), { rows });
    expect(record).toThrowError(expect.objectContaining({ code: "contradiction" }));
    expect(record).toThrowError(/uses up "cache" of cacheWrite, which is no input of it/);
    for (const each of [cache, rows]) each.dispose();
  });

  test("a variable has one value in a plan", () => {
    const cache = tensor(new Float32Array(4), [1, 2, 1, 2]);
    const rows = tensor([1, 2], [1, 1, 1, 2]);
    const record = () =>
      compile(
        ({ cache, rows }) => {
          const once = cacheWrite({ cache, rows }, { offset: 0 }).cache;
          return { cache: cacheWrite({ cache: once, rows }, { offset: 1 }).cache };
        },
        { cache, rows },
      );
    expect(record).toThrowError(/one cacheWrite\.offset, but calls were made with 0 and 1/);
    for (const each of [cache, rows]) each.dispose();
  });
});

describe("running", () => {
  const recordStep = () => {
    const example = { parameter: row(1, 1), gradient: row(1, 1), m: row(0, 0), v: row(0, 0) };
    const scale = tensor([1]);
    const rates = { rateFactor: 1, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0 };
    const plan = compile(
      ({ parameter, gradient, m, v }) =>
        adamwUpdate({ parameter, gradient, m, v, scale }, { ...rates, learningRate: 0.1, step: 1 }),
      example,
    );
    disposeAll({ scale }, example, plan.first);
    return plan;
  };

  test("variables change from run to run; where none is given the recorded one counts", () => {
    using plan = recordStep();
    expect(plan.plan.variables).toEqual({ "adamwUpdate.learningRate": 0.1, "adamwUpdate.step": 1 });
    expect([...plan.plan.consumes].sort()).toEqual(["m", "parameter", "v"]);
    const fresh = () => ({ parameter: row(1, 1), gradient: row(1, -1), m: row(0, 0), v: row(0, 0) });
    const near = (given: number[] | undefined, expected: number[]) => {
      for (const [index, value] of expected.entries()) expect(given?.[index]).toBeCloseTo(value, 5);
    };
    near(run(plan, fresh()).parameter, [0.9, 1.1]);
    near(run(plan, fresh(), { "adamwUpdate.learningRate": 0.5 }).parameter, [0.5, 1.5]);
    // At step 2 the moments that start at 0 count for more: (1 - 0.9) / (1 - 0.81) over the root of 0.02 / (1 - 0.9604).
    const direction = 0.1 / 0.19 / Math.sqrt(0.02 / 0.0396);
    near(run(plan, fresh(), { "adamwUpdate.step": 2 }).parameter, [1 - 0.1 * direction, 1 + 0.1 * direction]);
  });

  test("an input that is used up and shared with somebody else is copied first", () => {
    using plan = recordStep();
    const parameter = row(1, 1);
    const clone = parameter.clone();
    run(plan, { parameter, gradient: row(1, 1), m: row(0, 0), v: row(0, 0) });
    expect(values(clone)).toEqual([1, 1]);
    clone.dispose();
  });

  test("what does not fit is refused by name", async () => {
    const plan = recordStep();
    const inputs = { parameter: row(1, 1), gradient: row(1, 1), m: row(0, 0), v: row(0, 0) };
    const refusal = (code: string, message: RegExp) =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    expect(() => plan.run(inputs, { momentum: 1 })).toThrowError(
      refusal("invalid-argument", /no variable "momentum" \(adamwUpdate\.learningRate, adamwUpdate\.step\)/),
    );
    expect(() => plan.run({ ...inputs, m: row(1, 2, 3) })).toThrowError(
      refusal("shape-mismatch", /input "m" should be \[1,2\] of float32, but is \[1,3\]/),
    );
    expect(() => plan.run({ ...inputs, m: undefined as never })).toThrowError(
      refusal("invalid-argument", /"m" is missing/),
    );
    expect(() => plan.run({ ...inputs, momentum: inputs.m } as typeof inputs)).toThrowError(
      refusal("invalid-argument", /no input "momentum" \(parameter, gradient, m, v\)/),
    );
    expect(() => plan.run(inputs, { "adamwUpdate.step": 0 })).toThrowError(
      refusal("invalid-argument", /adamwUpdate: attribute "step" should be .* of at least 1, but is 0/),
    );
    const gone = row(0, 0);
    gone.dispose();
    expect(() => plan.run({ ...inputs, m: gone })).toThrowError(refusal("disposed", /input "m" was disposed of/));
    registerBackend(jsPlugin("another"));
    await ready({ backend: "another" });
    expect(() => plan.run(inputs)).toThrowError(
      refusal("wrong-backend", /runs on "one by one", but "another" is active/),
    );
    await ready({ backend: "one by one" });
    plan.dispose();
    expect(() => plan.run(inputs)).toThrowError(refusal("disposed", /disposed of/));
    for (const each of Object.values(inputs)) each.dispose();
  });

  test("nothing is left behind", () => {
    const before = memory();
    const weight = tensor([1, 2]);
    const example = row(1, 2);
    const plan = compile(({ x }) => ({ y: add(rmsNorm({ x, weight }, { epsilon: 0 }).y, x), x }), { x: example });
    for (let count = 0; count < 3; count++) run(plan, { x: row(count + 1, 2) });
    plan.dispose();
    disposeAll({ weight, example }, plan.first);
    expect(memory()).toEqual(before);
  });
});

test("a plan whose device was lost does not run on the next one", async () => {
  let lose: BackendContext["onLost"] = () => {};
  const initialize = async ({ onLost }: BackendContext) => {
    lose = onLost;
    return createRuntime();
  };
  registerBackend(jsPlugin("fragile", 1, { initialize }));
  await ready({ backend: "fragile" });
  const x = row(1, 2);
  const weight = row(3, 4);
  const plan = compile((inputs) => ({ y: add(inputs.x, weight) }), { x });
  lose("unplugged");
  expect(() => plan.run({ x })).toThrowError(expect.objectContaining({ code: "device-lost" }));
  await ready({ backend: "fragile" });
  expect(() => plan.run({ x })).toThrowError(expect.objectContaining({ code: "device-lost" }));
  plan.dispose();
  disposeAll({ x, weight }, plan.first);
});

describe("a backend that compiles", () => {
  test("gets the plan, runs it, and is let go of; what it does not want is run one by one", async () => {
    const seen: Plan[] = [];
    const variablesSeen: Readonly<Record<string, number>>[] = [];
    let disposed = 0;
    const program = (engine: KernelBackend): PlanProgram => ({
      bind: () => {},
      run: ({ x }, variables) => {
        variablesSeen.push(variables);
        const { shape, dataId } = x as TensorInfo;
        const doubled = Float32Array.from(engine.readSync(dataId) as Float32Array, (value) => 2 * value);
        return { y: { shape, dtype: "float32", dataId: engine.write(doubled, shape, "float32") } };
      },
      dispose: () => {
        disposed++;
      },
    });
    registerBackend(
      jsPlugin("compiler", 1, {
        initialize: async () => createRuntime(),
        compile: ({ engine }, plan) => {
          seen.push(plan);
          const isDoubling = plan.calls.length === 1 && plan.calls[0]?.kernel === "Add";
          return isDoubling ? program(engine) : undefined;
        },
      }),
    );
    await ready({ backend: "compiler" });
    const example = row(1, 2);
    const double = compile(({ x }) => ({ y: add(x, x) }), { x: example });
    const nothing = compile(({ x }) => ({ y: sub(x, x) }), { x: example });
    expect(seen.map(({ calls }) => calls.map(({ kernel }) => kernel))).toEqual([["Add"], ["Sub"]]);
    expect([double.isCompiled, nothing.isCompiled]).toEqual([true, false]);
    disposeAll(double.first, nothing.first);
    const before = memory();
    expect(run(double, { x: row(3, 4) }).y).toEqual([6, 8]);
    expect(run(nothing, { x: row(3, 4) }).y).toEqual([0, 0]);
    expect(memory()).toEqual(before);
    expect(variablesSeen).toEqual([{}]);
    expect(() => double.run({ x: row(1, 2, 3) })).toThrowError(expect.objectContaining({ code: "shape-mismatch" }));
    double.dispose();
    double.dispose();
    nothing.dispose();
    expect(disposed).toBe(1);
    example.dispose();
  });
});
