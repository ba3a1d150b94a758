/**
 * The contract for a device plugin. A plugin is one object, made with `defineBackend`; it depends on this package and on
 * nothing else of ours, and proves itself with `@sst/tensor/conformance`. `registry.ts` brings plugins to life.
 */
import type { KernelBackend, KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelImplementations } from "./kernel.js";
import type { Plan, PlanProgram } from "./plan.js";

/** The version of this contract. A plugin states the one that it was built for, and is refused under another. */
export const BACKEND_CONTRACT_VERSION = 3;

/** Whether a device can be used here, and if not, why and what to do about it. */
export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

/** What a device can do. */
export interface Capabilities {
  /** In words: instruction set, adapter, driver. */
  readonly description: string;
  readonly dataTypes: readonly ("float32" | "int32" | "bool")[];
  /** Named as the device's own documentation names them: `simd`, `subgroups`, `shader-f16`. */
  readonly features: readonly string[];
  /** Numbers that bound what runs, in bytes or counts, named as the device names them; empty where nothing but memory does. */
  readonly limits: Readonly<Record<string, number>>;
}

/** What a plugin has when it has been brought to life. It may keep more in an object of its own type. */
export interface BackendRuntime {
  /** The TensorFlow.js backend that owns the data. */
  readonly engine: KernelBackend;
  /** The basic operations: kernels of TensorFlow.js that run on that backend. */
  readonly engineKernels: readonly Pick<KernelConfig, "kernelName" | "kernelFunc" | "setupFunc">[];
  /**
   * Writes values into a float32 tensor that the engine's `write` has made without any, from an offset on (in values), and
   * is done with them when it returns. Without it, tensors are uploaded from arrays of their size.
   */
  writeRange?(target: TensorInfo, offset: number, values: Float32Array): void;
  /** Bytes of all data on the engine. Without it what comes and goes through the engine's `write` and `move` is counted. */
  bytesInUse?(): number;
}

export interface BackendContext {
  /** To be called when the device is gone; from then on everything on it fails as `device-lost` until the next `ready()`. */
  onLost(reason: string): void;
}

export interface BackendDefinition<Runtime extends BackendRuntime> {
  /** The number, written out: importing the constant would make any plugin fit any contract. */
  readonly contractVersion: number;
  /** Short and unique: what a user passes as `--backend`. */
  readonly name: string;
  /** The available backend of the highest priority is taken unless one is named. Ours: js 1, cpu 10, webgpu 20. */
  readonly priority: number;
  isAvailable(): Promise<Availability>;
  /** Called after `isAvailable` said yes, and again after a loss. Rejects with what is wrong in words. */
  initialize(context: BackendContext): Promise<Runtime>;
  capabilities(runtime: Runtime): Capabilities;
  /** Own implementations of our kernels, by name; where one is missing its composition runs. */
  kernels(runtime: Runtime): KernelImplementations;
  /** Runs a recorded list of calls as one; without it, or where it returns undefined, they are made one by one. */
  compile?(runtime: Runtime, plan: Plan): PlanProgram | undefined;
  /** Gives the device's memory back. */
  dispose(runtime: Runtime): void;
}

/** A plugin as the registry holds it: what its runtime is, is its own business. */
export interface Backend extends BackendDefinition<BackendRuntime> {}

/** A plugin from its definition. Register it with `registerBackend`. */
export function defineBackend<Runtime extends BackendRuntime>(definition: BackendDefinition<Runtime>): Backend {
  return Object.freeze({ ...definition }) as unknown as Backend;
}
