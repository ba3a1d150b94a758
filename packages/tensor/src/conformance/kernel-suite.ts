/**
 * What the kit knows of a kernel: its float64 oracle in plain loops, and from which sizes and values the cases are made
 * that a backend has to get right.
 */
import type { AnyKernel } from "../kernel.js";
import type { Random } from "../random.js";
import type { HostArrays } from "./host-array.js";

export type Attributes = Readonly<Record<string, unknown>>;

/** Says what is right. Independent of the engine and of the composition. */
export type Oracle = (inputs: HostArrays, attributes: Attributes) => HostArrays;

/** Numbers that a case is made from, by name: sizes mostly. */
export type Sizes = Readonly<Record<string, number>>;

export interface KernelCase {
  readonly inputs: HostArrays;
  readonly attributes: Attributes;
}

export interface KernelSuite {
  readonly kernel: AnyKernel;
  readonly oracle: Oracle;
  /** Inputs that have a gradient, where they are there; it is held against finite differences of the oracle. */
  readonly differentiable: readonly string[];
  /** The kernel that computes that gradient, where it is one of its own. */
  readonly gradientKernel?: AnyKernel;
  /** From where to where the sizes of random cases go. */
  readonly ranges: Readonly<Record<string, readonly [least: number, most: number]>>;
  /** Sizes that are always tried: ones, odd ones, zero, beyond one workgroup, a large batch. */
  readonly picked: readonly Sizes[];
  /** A case of ordinary values. */
  readonly build: (sizes: Sizes, random: Random) => KernelCase;
  /** Cases of extreme but finite values, and the infinities that a kernel gives a meaning to, by what they try. */
  readonly extremes?: (random: Random) => Readonly<Record<string, KernelCase>>;
  /** Where all of an output is smaller than this, errors count against this: what float32 leaves where large numbers cancel. */
  readonly smallestOutput?: number;
  /** Float inputs that are flags, 0 or 1: no NaN is tried in them. */
  readonly flags?: readonly string[];
  /** Inputs whose NaN may reach more outputs than it has to, since a good algorithm multiplies them by zeros. */
  readonly spreads?: readonly string[];
}

/** Of the inputs that a case has, those with a gradient. */
export function differentiableOf({ differentiable }: KernelSuite, inputs: HostArrays): readonly string[] {
  return differentiable.filter((name) => name in inputs);
}

/** Lets a suite name its sizes. */
export function kernelSuite<Size extends string>(
  suite: Omit<KernelSuite, "kernel" | "gradientKernel" | "ranges" | "picked" | "build"> & {
    readonly kernel: unknown;
    readonly gradientKernel?: unknown;
    readonly ranges: Readonly<Record<Size, readonly [least: number, most: number]>>;
    readonly picked: readonly Readonly<Record<Size, number>>[];
    readonly build: (sizes: Readonly<Record<Size, number>>, random: Random) => KernelCase;
  },
): KernelSuite {
  return suite as unknown as KernelSuite;
}
