/**
 * The suite that a backend proves itself with: every kernel's values against its float64 oracle, its gradients against
 * finite differences of the oracle, the same bits for the same input, and nothing left behind.
 */
import { add, mul, sum, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { valueAndGradients } from "../autodiff.js";
import { type Device, memory, ready } from "../backend.js";
import { type KernelDefinition, kernels } from "../kernel.js";
import { Random } from "../random.js";
import { differences } from "./finite-differences.js";
import { type HostArray, type HostArrays, normals } from "./host-array.js";
import type { KernelCase, KernelSuite } from "./kernel-suite.js";
import { kernelSuites } from "./suites/index.js";

export interface ConformanceOptions {
  /** The registered backend's name. */
  readonly backend: string;
  /** Of the test runner: vitest's, node:test's, Mocha's. */
  readonly describe: (name: string, body: () => void) => void;
  readonly test: (name: string, body: () => Promise<void>) => void;
}

/** One line of the table at the end. */
interface Row {
  readonly kernel: string;
  readonly implementation: "own" | "composition";
  readonly cases: number;
  readonly worstError: number;
  readonly tolerance: number;
  readonly worstGradientError: number | undefined;
}

/** Largest entries of a gradient that are compared: finite differences are slow, and the entries are alike. */
const gradientEntries = 40;

/** Gradients go through several kernels, and finite differences are no exact figures themselves. */
const gradientTolerance = 2e-4;

/** Where all of a gradient cancels to next to nothing, what float32 leaves of it counts against this instead. */
const smallestGradient = 1e-2;

/** Registers the whole suite with a test runner. */
export function runConformance({ backend, describe, test }: ConformanceOptions): void {
  describe(`conformance of ${backend}`, () => {
    const rows: Row[] = [];
    for (const suite of kernelSuites) {
      test(suite.kernel.definition.name, async () => {
        const device = await ready({ backend });
        const before = memory();
        rows.push(await checkKernel(suite, device));
        requireThat(
          JSON.stringify(memory()) === JSON.stringify(before),
          `tensors are left behind: ${JSON.stringify(memory())}, before ${JSON.stringify(before)}`,
        );
      });
    }
    test("every kernel was checked", async () => {
      const known = new Set(kernelSuites.flatMap(({ kernel, gradientKernel }) => [kernel, gradientKernel]));
      const unknown = kernels()
        .filter((kernel) => !known.has(kernel))
        .map((kernel) => kernel.definition.name);
      requireThat(unknown.length === 0, `no oracle for ${unknown.join(", ")}`);
      console.log(tableOf(backend, rows));
    });
  });
}

async function checkKernel(suite: KernelSuite, device: Device): Promise<Row> {
  const { definition } = suite.kernel;
  const random = new Random(`conformance/${definition.name}`);
  const cases = suite.cases(random);
  let worstError = 0;
  let worstGradientError: number | undefined;
  for (const each of cases) {
    const error = await valueError(suite, each);
    requireThat(error <= definition.tolerance, `${each.title}: off by ${error}, tolerance ${definition.tolerance}`);
    worstError = Math.max(worstError, error);
    if (suite.differentiable.length === 0 || "pastK" in each.inputs) continue;
    const gradientError = await largestGradientError(suite, each, random);
    worstGradientError = Math.max(worstGradientError ?? 0, gradientError);
  }
  const isOwn = device.ownKernels?.includes(definition.name) ?? false;
  return {
    kernel: definition.name,
    implementation: isOwn ? "own" : "composition",
    cases: cases.length,
    worstError,
    tolerance: definition.tolerance,
    worstGradientError,
  };
}

/** Largest error of a case's outputs, relative to each output's largest entry; run twice, the bits must agree. */
async function valueError(suite: KernelSuite, { inputs, attributes, title }: KernelCase<object>): Promise<number> {
  const expected = suite.oracle(inputs, attributes);
  const first = await runKernel(suite, inputs, attributes);
  const second = await runKernel(suite, inputs, attributes);
  const errors = Object.entries(expected).map(([name, { data, shape }]) => {
    const given = first[name] as { shape: number[]; values: Float32Array };
    requireThat(given.shape.join() === shape.join(), `${title}: "${name}" is [${given.shape}], expected [${shape}]`);
    const again = second[name]?.values;
    requireThat(
      given.values.every((value, index) => Object.is(value, again?.[index])),
      `${title}: two runs differ in "${name}"`,
    );
    return relativeError(given.values, data);
  });
  return Math.max(...errors);
}

async function runKernel(suite: KernelSuite, inputs: HostArrays, attributes: object) {
  const tensors = upload(suite.kernel.definition, inputs);
  const outputs = suite.kernel(tensors, attributes);
  const read = await Promise.all(
    Object.entries(outputs).map(async ([name, output]) => {
      const values = Float32Array.from((await output.data()) as Float32Array);
      return [name, { shape: output.shape, values }] as const;
    }),
  );
  for (const each of [...Object.values(tensors), ...Object.values(outputs)]) each.dispose();
  return Object.fromEntries(read);
}

async function largestGradientError(
  suite: KernelSuite,
  { inputs, attributes, title }: KernelCase<object>,
  random: Random,
): Promise<number> {
  const outputs = suite.oracle(inputs, attributes);
  const weights = Object.fromEntries(
    Object.entries(outputs).map(([name, { shape }]) => [name, normals(random, shape)]),
  );
  const tensors = upload(suite.kernel.definition, inputs);
  const weightTensors = Object.fromEntries(
    Object.entries(weights).map(([name, array]) => [name, toTensor(array, "float32")]),
  );
  const parameters = Object.fromEntries(suite.differentiable.map((name) => [name, tensors[name] as Tensor]));
  const { value, gradients } = valueAndGradients(
    () =>
      tidy(() => {
        const results = suite.kernel(tensors, attributes);
        const sums = Object.entries(results).map(([name, result]) => sum(mul(result, weightTensors[name] as Tensor)));
        return sums.reduce((left, right) => add(left, right));
      }),
    parameters,
  );
  let worst = 0;
  for (const name of suite.differentiable) {
    const size = (inputs[name] as HostArray).data.length;
    const entries = Array.from({ length: Math.min(size, gradientEntries) }, () => random.integer(size));
    const expected = differences(suite.oracle, inputs, attributes, weights, name, entries);
    const given = (await (gradients[name] as Tensor).data()) as Float32Array;
    const error = relativeError(
      entries.map((entry) => given[entry] as number),
      expected,
      smallestGradient,
    );
    requireThat(
      error <= gradientTolerance,
      `${title}: the gradient of "${name}" is off by ${error}, tolerance ${gradientTolerance}`,
    );
    worst = Math.max(worst, error);
  }
  const everything = [value, ...Object.values(gradients), ...Object.values(tensors), ...Object.values(weightTensors)];
  for (const each of everything) each.dispose();
  return worst;
}

function upload({ inputs: specs }: KernelDefinition, inputs: HostArrays): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, array]) => [name, toTensor(array, specs[name]?.dtype ?? "float32")]),
  );
}

function toTensor({ shape, data }: HostArray, dtype: "float32" | "int32"): Tensor {
  return tensor(dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data), [...shape], dtype);
}

/** Largest difference, relative to the largest expected entry; differences from all zeros count as they are. */
function relativeError(given: ArrayLike<number>, expected: ArrayLike<number>, smallestSize = 0): number {
  let difference = 0;
  let size = smallestSize;
  for (let index = 0; index < expected.length; index++) {
    const distance = Math.abs((given[index] as number) - (expected[index] as number));
    difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(difference, distance);
    size = Math.max(size, Math.abs(expected[index] as number));
  }
  return size === 0 ? difference : difference / size;
}

function requireThat(holds: boolean, complaint: string): void {
  if (!holds) throw new Error(complaint);
}

function tableOf(backend: string, rows: readonly Row[]): string {
  const figure = (value: number | undefined) => (value === undefined ? "–" : value.toExponential(1));
  const lines = rows.map(({ kernel, implementation, cases, worstError, tolerance, worstGradientError }) =>
    [
      kernel.padEnd(22),
      implementation.padEnd(12),
      String(cases).padStart(5),
      figure(worstError).padStart(9),
      figure(tolerance).padStart(9),
      figure(worstGradientError).padStart(9),
    ].join(" "),
  );
  const head = [
    `${backend}: kernel`.padEnd(22),
    "runs as".padEnd(12),
    "cases",
    "worst".padStart(9),
    "tolerance",
    "gradient".padStart(9),
  ].join(" ");
  return [head, ...lines].join("\n");
}
