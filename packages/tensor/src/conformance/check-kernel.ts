/** One kernel on one device: values, repeatability, gradients, aliases, and numbers that are none. */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { AnyKernel } from "../kernel.js";
import type { Random } from "../random.js";
import { outputError, requireThat, sameBits } from "./compare.js";
import { type DeviceValues, download, runOnDevice, upload } from "./device-run.js";
import { deviceGradients, largestGradientError } from "./gradients.js";
import { type HostArray, type HostArrays, onesLike } from "./host-array.js";
import { differentiableOf, type KernelCase, type KernelSuite } from "./kernel-suite.js";

/** What the cases of one kernel came to. */
export interface KernelFindings {
  cases: number;
  worstError: number;
  gradientCases: number;
  worstGradientError: number;
}

/** Values within the tolerance, the same bits twice, and where there is a gradient, that too. */
export async function checkCase(
  suite: KernelSuite,
  { inputs, attributes }: KernelCase,
  random: Random,
  findings: KernelFindings,
): Promise<void> {
  const { gradient } = suite.kernel.definition;
  await checkValues(suite, { inputs, attributes }, findings);
  if (gradient === undefined || !hasGradient(suite, inputs)) return;
  const { input, error } = await largestGradientError(suite, { inputs, attributes }, random);
  requireThat(
    error <= gradient.tolerance,
    () => `the gradient of "${input}" is off by ${error}, tolerance ${gradient.tolerance}`,
  );
  findings.gradientCases++;
  findings.worstGradientError = Math.max(findings.worstGradientError, error);
}

/**
 * Values within the tolerance, and gradients that are finite. How exact they can be is no question here: differences say
 * little where values are extreme, and float32 itself leaves little of some.
 */
export async function checkExtreme(suite: KernelSuite, each: KernelCase, findings: KernelFindings): Promise<void> {
  await checkValues(suite, each, findings);
  if (!hasGradient(suite, each.inputs)) return;
  const gradients = await deviceGradients(suite, each, onesLike(suite.oracle(each.inputs, each.attributes)));
  for (const [name, values] of Object.entries(gradients)) {
    requireThat(values.every(Number.isFinite), () => `the gradient of "${name}" is not finite`);
  }
}

async function checkValues(
  suite: KernelSuite,
  { inputs, attributes }: KernelCase,
  findings: KernelFindings,
): Promise<void> {
  const { tolerance } = suite.kernel.definition;
  const expected = suite.oracle(inputs, attributes);
  const given = await runOnDevice(suite.kernel, inputs, attributes);
  const error = outputError(suite, given, expected);
  requireThat(error <= tolerance, () => `off by ${error}, tolerance ${tolerance}`);
  requireThat(
    sameBits(given, await runOnDevice(suite.kernel, inputs, attributes)),
    () => "two runs on the same input differ",
  );
  findings.cases++;
  findings.worstError = Math.max(findings.worstError, error);
}

/** A cache has no gradient, and finite differences need entries and finite values. */
function hasGradient(suite: KernelSuite, inputs: HostArrays): boolean {
  const areFinite = Object.values(inputs).every(({ data }) => data.every(Number.isFinite));
  const names = differentiableOf(suite, inputs);
  const isThere = names.every((name) => (inputs[name] as HostArray).data.length > 0);
  return names.length > 0 && !("pastK" in inputs) && areFinite && isThere;
}

/** A NaN or an infinity in any input reaches every output that depends on it, and no other. */
export async function checkNonFinite(
  suite: KernelSuite,
  { inputs, attributes }: KernelCase,
  random: Random,
): Promise<void> {
  const { definition } = suite.kernel;
  for (const [name, array] of Object.entries(inputs)) {
    if (definition.inputs[name]?.dtype === "int32" || suite.flags?.includes(name)) continue;
    for (const poison of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const data = Float64Array.from(array.data);
      data[random.integer(data.length)] = poison;
      const poisoned = { ...inputs, [name]: { shape: array.shape, data } };
      const expected = suite.oracle(poisoned, attributes);
      const given = await runOnDevice(suite.kernel, poisoned, attributes);
      const right = suite.spreads?.includes(name) ? spread(expected, given) : expected;
      const error = outputError(suite, given, right);
      const complaint = Number.isFinite(error) ? `off by ${error}` : "other values are non-finite than should be";
      requireThat(error <= definition.tolerance, () => `with ${poison} in "${name}": ${complaint}`);
    }
  }
}

/** What is expected, where the device is not finite as well; a number that is given must still be the right one. */
function spread(expected: HostArrays, given: Readonly<Record<string, DeviceValues>>): HostArrays {
  return Object.fromEntries(
    Object.entries(expected).map(([name, { shape, data }]) => {
      const found = given[name]?.values;
      return [name, { shape, data: data.map((value, i) => (Number.isFinite(found?.[i]) ? value : Number.NaN)) }];
    }),
  );
}

/** One tensor as two inputs, other tensors on the memory of an input, inputs that are read again afterwards. */
export async function checkAliases(suite: KernelSuite, { inputs, attributes }: KernelCase): Promise<void> {
  await checkSharedInputs(suite, { inputs, attributes });
  const { kernel } = suite;
  const consumed = kernel.definition.consumes ?? [];
  const tensors = upload(kernel, inputs);
  const clones = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.clone()]));
  const outputs = kernel(tensors, attributes);
  const kept = Object.entries(tensors).filter(([name]) => !consumed.includes(name));
  await requireUntouched("a clone of input", clones, inputs);
  await requireUntouched("input", Object.fromEntries(kept), inputs);
  const error = outputError(suite, await download(outputs), suite.oracle(inputs, attributes));
  requireThat(error <= kernel.definition.tolerance, () => `with clones of its inputs around: off by ${error}`);
  for (const each of [...Object.values(tensors), ...Object.values(clones)]) each.dispose();
}

async function requireUntouched(
  what: string,
  tensors: Readonly<Record<string, Tensor>>,
  inputs: HostArrays,
): Promise<void> {
  for (const [name, tensor] of Object.entries(tensors)) {
    const values = await tensor.data();
    const { data } = inputs[name] as HostArray;
    requireThat(
      data.every((value, index) => Object.is(value, values[index])),
      () => `${what} "${name}" was changed`,
    );
  }
}

/** Every pair of float inputs of one shape as one and the same tensor. */
async function checkSharedInputs(suite: KernelSuite, { inputs, attributes }: KernelCase): Promise<void> {
  const { kernel } = suite;
  for (const [left, right] of pairsOfOneShape(kernel, inputs)) {
    const shared = { ...inputs, [right]: inputs[left] as HostArray };
    const tensors = upload(kernel, inputs);
    const replaced = tensors[right] as Tensor;
    const outputs = kernel({ ...tensors, [right]: tensors[left] as Tensor }, attributes);
    const error = outputError(suite, await download(outputs), suite.oracle(shared, attributes));
    requireThat(
      error <= kernel.definition.tolerance,
      () => `with one tensor as "${left}" and "${right}": off by ${error}`,
    );
    for (const each of Object.values(tensors)) each.dispose();
    if (!replaced.isDisposed) replaced.dispose();
  }
}

function pairsOfOneShape({ definition }: AnyKernel, inputs: HostArrays): [string, string][] {
  const floats = Object.keys(inputs).filter((name) => definition.inputs[name]?.dtype !== "int32");
  return floats.flatMap((left, index) =>
    floats
      .slice(index + 1)
      .filter((right) => inputs[left]?.shape.join() === inputs[right]?.shape.join())
      .map((right): [string, string] => [left, right]),
  );
}
