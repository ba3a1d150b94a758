/** A device's gradients against central differences of the oracle, in float64. */
import { add, mul, sum, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { valueAndGradients } from "../autodiff.js";
import type { Random } from "../random.js";
import { relativeError } from "./compare.js";
import { toTensor, upload } from "./device-run.js";
import { type HostArray, type HostArrays, normals } from "./host-array.js";
import { differentiableOf, type KernelCase, type KernelSuite } from "./kernel-suite.js";

/** Entries of a gradient that are compared: entries are alike, and each costs two runs of the oracle. */
const MOST_ENTRIES = 30;
const FEWEST_ENTRIES = 3;

/** So many numbers may go through the oracle for the entries of one input. */
const NUMBERS_PER_INPUT = 200_000;

/** Where all of a gradient cancels to next to nothing, what float32 leaves of it counts against this instead. */
const SMALLEST_GRADIENT = 0.1;

/** The largest error of any differentiable input's gradient of a random weighted sum of the outputs. */
export async function largestGradientError(
  suite: KernelSuite,
  { inputs, attributes }: KernelCase,
  random: Random,
): Promise<{ readonly input: string; readonly error: number }> {
  const outputs = suite.oracle(inputs, attributes);
  const numbers = [...Object.values(inputs), ...Object.values(outputs)].reduce((sum, { data }) => sum + data.length, 0);
  const count = Math.max(FEWEST_ENTRIES, Math.min(MOST_ENTRIES, Math.floor(NUMBERS_PER_INPUT / numbers)));

  const weights = Object.fromEntries(
    Object.entries(outputs).map(([name, { shape }]) => [name, normals(random, shape)]),
  );
  const gradients = await deviceGradients(suite, { inputs, attributes }, weights);
  let worst = { input: "", error: 0 };
  for (const name of differentiableOf(suite, inputs)) {
    const size = (inputs[name] as HostArray).data.length;
    const entries = Array.from({ length: Math.min(size, count) }, () => random.integer(size));
    const expected = entries.map((entry) => difference(suite, { inputs, attributes }, weights, name, entry));
    const given = entries.map((entry) => gradients[name]?.[entry] as number);
    const error = relativeError(given, expected, SMALLEST_GRADIENT);
    if (error > worst.error) worst = { input: name, error };
  }
  return worst;
}

/** By input: of `Σ weights ⊙ outputs`. */
export async function deviceGradients(
  suite: KernelSuite,
  { inputs, attributes }: KernelCase,
  weights: HostArrays,
): Promise<Record<string, Float32Array>> {
  const tensors = upload(suite.kernel, inputs);
  const weightTensors = Object.fromEntries(
    Object.entries(weights).map(([name, array]) => [name, toTensor(array, "float32")]),
  );
  const names = differentiableOf(suite, inputs);
  const parameters = Object.fromEntries(names.map((name) => [name, tensors[name] as Tensor]));
  const { value, gradients } = valueAndGradients(
    () =>
      tidy(() => {
        const results = suite.kernel(tensors, attributes);
        const sums = Object.entries(results).map(([name, result]) => sum(mul(result, weightTensors[name] as Tensor)));
        return sums.reduce((left, right) => add(left, right));
      }),
    parameters,
  );
  const read = Object.entries(gradients).map(
    async ([name, gradient]) => [name, (await (gradient as Tensor).data()) as Float32Array] as const,
  );
  const values = Object.fromEntries(await Promise.all(read));
  const everything = [value, ...Object.values(gradients), ...Object.values(tensors), ...Object.values(weightTensors)];
  for (const each of everything) each.dispose();
  return values;
}

/** The derivative of the weighted sum for one entry of one input. */
function difference(
  { oracle }: KernelSuite,
  { inputs, attributes }: KernelCase,
  weights: HostArrays,
  name: string,
  entry: number,
): number {
  const input = inputs[name] as HostArray;
  const step = 1e-5 * Math.max(1, Math.abs(input.data[entry] as number));
  const moved = (by: number) => {
    const data = Float64Array.from(input.data);
    data[entry] = (data[entry] as number) + by;
    return oracle({ ...inputs, [name]: { shape: input.shape, data } }, attributes);
  };
  return weightedDifference(moved(step), moved(-step), weights) / (2 * step);
}

/** `Σ weights ⊙ (above - below)`: differences first, so that nothing large cancels. */
function weightedDifference(above: HostArrays, below: HostArrays, weights: HostArrays): number {
  let total = 0;
  for (const [name, { data }] of Object.entries(above)) {
    const other = (below[name] as HostArray).data;
    const weight = (weights[name] as HostArray).data;
    for (let index = 0; index < data.length; index++) {
      total += ((data[index] as number) - (other[index] as number)) * (weight[index] as number);
    }
  }
  return total;
}
