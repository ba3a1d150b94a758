/** One kernel on one device: values, repeatability, gradients, aliases, and numbers that are none. */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { AnyKernel } from "../kernel.js";
import type { Random } from "../random.js";
import { outputError, requireThat, sameBits } from "./compare.js";
import { download, runOnDevice, upload } from "./device-run.js";
import { largestGradientError } from "./gradients.js";
import type { HostArray, HostArrays } from "./host-array.js";
import type { KernelCase, KernelSuite } from "./kernel-suite.js";

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
  const { tolerance, gradient } = suite.kernel.definition;
  const expected = suite.oracle(inputs, attributes);
  const given = await runOnDevice(suite.kernel, inputs, attributes);
  const error = outputError(given, expected);
  requireThat(error <= tolerance, () => `off by ${error}, tolerance ${tolerance}`);
  requireThat(
    sameBits(given, await runOnDevice(suite.kernel, inputs, attributes)),
    () => "two runs on the same input differ",
  );
  findings.cases++;
  findings.worstError = Math.max(findings.worstError, error);
  if (gradient === undefined || !hasGradient(suite, inputs)) return;
  const gradientError = await largestGradientError(suite, { inputs, attributes }, random);
  requireThat(
    gradientError.error <= gradient.tolerance,
    () => `the gradient of "${gradientError.input}" is off by ${gradientError.error}, tolerance ${gradient.tolerance}`,
  );
  findings.gradientCases++;
  findings.worstGradientError = Math.max(findings.worstGradientError, gradientError.error);
}

/** A cache has no gradient, and finite differences need entries and finite values. */
function hasGradient(suite: KernelSuite, inputs: HostArrays): boolean {
  const isFinite = Object.values(inputs).every(({ data }) => data.every(Number.isFinite));
  const isThere = suite.differentiable.every((name) => (inputs[name] as HostArray).data.length > 0);
  return suite.differentiable.length > 0 && !("pastK" in inputs) && isFinite && isThere;
}

/** A NaN or an infinity in any input reaches every output that depends on it, and no other. */
export async function checkNonFinite(
  suite: KernelSuite,
  { inputs, attributes }: KernelCase,
  random: Random,
): Promise<void> {
  const { definition } = suite.kernel;
  for (const [name, array] of Object.entries(inputs)) {
    if (definition.inputs[name]?.dtype === "int32" || suite.unread?.includes(name)) continue;
    for (const poison of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const data = Float64Array.from(array.data);
      data[random.integer(data.length)] = poison;
      const poisoned = { ...inputs, [name]: { shape: array.shape, data } };
      const error = outputError(
        await runOnDevice(suite.kernel, poisoned, attributes),
        suite.oracle(poisoned, attributes),
      );
      requireThat(
        error <= definition.tolerance,
        () =>
          `with ${poison} in "${name}": ${Number.isFinite(error) ? `off by ${error}` : "other values are non-finite than should be"}`,
      );
    }
  }
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
  const error = outputError(await download(outputs), suite.oracle(inputs, attributes));
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
    const error = outputError(await download(outputs), suite.oracle(shared, attributes));
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
