/** Arrays in host memory, float64: what oracles compute on. */
import type { Random } from "../random.js";

export interface HostArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type HostArrays = Readonly<Record<string, HostArray>>;

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((left, right) => left * right, 1);
}

export function zeros(shape: readonly number[]): HostArray {
  return { shape, data: new Float64Array(sizeOf(shape)) };
}

/** Normal draws that float32 holds exactly, so that device and oracle see the same numbers. */
export function normals(random: Random, shape: readonly number[], deviation = 1): HostArray {
  return { shape, data: Float64Array.from(random.normals(sizeOf(shape), deviation)) };
}

/** Ones in the shapes of the given arrays. */
export function onesLike(arrays: HostArrays): HostArrays {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { shape }]) => [name, { shape, data: new Float64Array(sizeOf(shape)).fill(1) }]),
  );
}

/** An array times a factor, rounded to float32. */
export function scaled({ shape, data }: HostArray, factor: number): HostArray {
  return { shape, data: data.map((value) => Math.fround(value * factor)) };
}

/** Whole numbers in [0, bound). */
export function integers(random: Random, shape: readonly number[], bound: number): HostArray {
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, () => random.integer(bound)) };
}

/** How far rows of a batch are ahead, or behind: from `-reach - 1` to `reach`. */
export function drawnAhead(random: Random, batch: number, reach: number): HostArray {
  return {
    shape: [batch],
    data: Float64Array.from({ length: batch }, () => random.integer(2 * reach + 2) - reach - 1),
  };
}

/** Ones, with zeros at some entries. */
export function mask(random: Random, shape: readonly number[], shareOfZeros: number): HostArray {
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, () => (random.uniform() < shareOfZeros ? 0 : 1)) };
}

/** An array's entry. */
export function at(array: HostArray, index: number): number {
  return array.data[index] as number;
}
