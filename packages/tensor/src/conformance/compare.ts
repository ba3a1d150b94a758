/** Holding what a device gave against what is right. */
import type { DeviceValues } from "./device-run.js";
import type { HostArrays } from "./host-array.js";
import type { KernelSuite } from "./kernel-suite.js";

/** Something that does not conform. */
export function requireThat(holds: boolean, complaint: () => string): void {
  if (!holds) throw new Error(complaint());
}

/**
 * Largest difference, relative to the largest finite expected entry (or `smallestSize`); differences from all zeros count
 * as they are. Where a non-finite value is expected, any non-finite one will do: which one it is differs between devices,
 * but it must not be hidden. Infinite where the two do not agree on that.
 */
export function relativeError(given: ArrayLike<number>, expected: ArrayLike<number>, smallestSize = 0): number {
  let difference = 0;
  let size = smallestSize;
  for (let index = 0; index < expected.length; index++) {
    const [found, right] = [given[index] as number, expected[index] as number];
    if (Number.isFinite(found) !== Number.isFinite(right)) return Number.POSITIVE_INFINITY;
    if (!Number.isFinite(right)) continue;
    difference = Math.max(difference, Math.abs(found - right));
    size = Math.max(size, Math.abs(right));
  }
  return size === 0 ? difference : difference / size;
}

/** Largest error over all outputs of a kernel. */
export function outputError(
  { smallestOutput }: KernelSuite,
  given: Readonly<Record<string, DeviceValues>>,
  expected: HostArrays,
): number {
  let worst = 0;
  for (const [name, { data, shape }] of Object.entries(expected)) {
    const output = given[name] as DeviceValues;
    requireThat(output.shape.join() === shape.join(), () => `"${name}" is [${output.shape}], but should be [${shape}]`);
    worst = Math.max(worst, relativeError(output.values, data, smallestOutput));
  }
  return worst;
}

/** Whether two runs gave the same bits. */
export function sameBits(
  left: Readonly<Record<string, DeviceValues>>,
  right: Readonly<Record<string, DeviceValues>>,
): boolean {
  return Object.entries(left).every(([name, { values }]) =>
    values.every((value, index) => Object.is(value, right[name]?.values[index])),
  );
}
