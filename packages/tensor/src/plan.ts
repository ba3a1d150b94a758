/**
 * Plans: a recorded list of kernel calls on values of fixed shapes, for example a decoded token or a training step. The
 * dispatcher records it while the code above runs once, as it always runs (`compile.ts`); a backend that has `compile` may
 * then run the list as one, and elsewhere the calls are made one by one. A plan is straight-line code:
 *
 *   - what the code computed on the host is part of it (a table, a number in an attribute), as is every tensor that was
 *     there before (weights): these are its constants;
 *   - what changes from run to run comes in: tensors as inputs, and numbers as variables, the attributes that a kernel's
 *     definition calls dynamic (`causalAttention.pastLength`, `adamwUpdate.step`), one value for all calls of a plan;
 *   - what a run leaves for the next one (a cache, a state, a parameter) is carried: it comes in and goes out under one
 *     name, and stays with the plan in between.
 */
import type { Tensor, TensorInfo } from "@tensorflow/tfjs-core";

/** A value: an input, a constant, or what a call gives. Several may lie in one buffer (a reshape, a kernel in place). */
export interface PlanValue {
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Index of the piece of memory that it lies in. */
  readonly buffer: number;
  /** For a constant: the tensor. */
  readonly constant?: Tensor;
}

export interface PlanCall {
  /** `sst/<name>` for a kernel of the contract, TensorFlow.js' own name for a basic operation. */
  readonly kernel: string;
  /** Values by input name, as indices; a list for basic operations that take any number of them. */
  readonly inputs: Readonly<Record<string, number>> | readonly number[];
  /** Values, as indices, in the order of the kernel's outputs. */
  readonly outputs: readonly number[];
  /** As recorded. For a kernel of the contract `{ attributes, outputShapes, inputNames }`. */
  readonly attributes: unknown;
  /** Attributes that a run may set, with the names of their variables. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What is carried from run to run, as values: of one shape and type, in one buffer where a kernel works in place. */
export interface PlanCarry {
  /** What a run starts from. */
  readonly input: number;
  /** What it leaves. */
  readonly output: number;
}

export interface Plan {
  /** The backend that it was recorded on and runs on. */
  readonly backend: string;
  readonly values: readonly PlanValue[];
  readonly calls: readonly PlanCall[];
  /** What every run is given: values by name, as indices. */
  readonly inputs: Readonly<Record<string, number>>;
  /** What every run gives: values by name, as indices. */
  readonly outputs: Readonly<Record<string, number>>;
  /** What stays with the plan; neither among the inputs nor among the outputs. */
  readonly carries: Readonly<Record<string, PlanCarry>>;
  /** Every variable with the value that was recorded, which counts where a run gives none. */
  readonly variables: Readonly<Record<string, number>>;
  /** Inputs that a run uses up, as a kernel that consumes does: read the outputs instead, and dispose of them. */
  readonly consumes: readonly string[];
}

/**
 * Runs a plan in a backend's own way. Shapes, types, devices and what kernels ask of their attributes have been checked
 * before anything gets here.
 *
 * Carried tensors lie in fixed memory, so that a program takes their addresses once and a run need not be told of them.
 * They belong to the plan: a program neither makes nor disposes of them.
 */
export interface PlanProgram {
  /**
   * Gives every carried tensor by name: once before the first run (the recording was one, so these hold what it left), and
   * again when the plan takes over others, or somebody took hold of one, whose memory is then left to them. Nobody else holds a tensor on
   * this memory, no two lie in one place, and all stay where they are until the next `bind` or `dispose`.
   */
  bind(carried: Readonly<Record<string, TensorInfo>>): void;
  /**
   * Outputs by name: new data with one reference each, on memory that no later run writes to, also where an output is a
   * view of something that is carried. When it returns, every carried tensor's memory holds what the plan's calls give for
   * `carries[name].output`, as if all of them were replaced at once (one may be what another one was). Neither argument is
   * valid after the call, and the result may be one object that is used again.
   *
   * @param inputs every input of the plan; the memory of those in `consumes` may be written over
   * @param variables a value for every variable of the plan, in the order of `plan.variables`
   */
  run(
    inputs: Readonly<Record<string, TensorInfo>>,
    variables: Readonly<Record<string, number>>,
  ): Readonly<Record<string, TensorInfo>>;
  /** Nothing is run afterwards; the carried tensors live on with what the last run left. */
  dispose(): void;
}
