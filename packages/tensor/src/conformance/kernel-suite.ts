/** What the kit knows of a kernel: its float64 oracle in plain loops, and the cases that a backend has to get right. */
import type { Kernel } from "../kernel.js";
import type { Random } from "../random.js";
import type { HostArrays } from "./host-array.js";

/** Says what is right. Independent of the engine and of the composition. */
export type Oracle<Attributes = never> = (inputs: HostArrays, attributes: Attributes) => HostArrays;

export interface KernelCase<Attributes> {
  readonly title: string;
  readonly inputs: HostArrays;
  readonly attributes: Attributes;
}

export interface KernelSuite<Attributes extends object = object> {
  readonly kernel: Kernel<Attributes>;
  readonly oracle: Oracle<Attributes>;
  readonly cases: (random: Random) => KernelCase<Attributes>[];
  /** Inputs that have a gradient; it is held against finite differences of the oracle. */
  readonly differentiable: readonly string[];
  /** The kernel that computes that gradient, where it is one of its own. */
  readonly gradientKernel?: Kernel<Attributes>;
}
