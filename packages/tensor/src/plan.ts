/**
 * Plans: a recorded list of kernel calls on values of fixed shapes, for example a decoded token or a training step. The
 * dispatcher records it while the code above runs once, as it always runs; a backend that has `compile` may then run the
 * list as one, and elsewhere the calls are made one by one. A plan is straight-line code:
 *
 *   - what the code computed on the host is part of it (a table, a number in an attribute), as is every tensor that was
 *     there before (weights): these are its constants;
 *   - what changes from run to run comes in: tensors as inputs, and numbers as variables, the attributes that a kernel's
 *     definition calls dynamic (`causalAttention.pastLength`, `adamwUpdate.step`), one value for all calls of a plan.
 */
import { engine, keep, type NamedTensorMap, type Tensor, type TensorInfo, tidy } from "@tensorflow/tfjs-core";
import { withoutAliases } from "./aliases.js";
import { SstError } from "./errors.js";
import { type EngineAttributes, engineKernelName, kernels } from "./kernel.js";
import { activeDevice } from "./live-device.js";
import { type HeardCall, listening } from "./recorder.js";

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
  /** As recorded. For a kernel of the contract `{ attributes, outputShapes }`. */
  readonly attributes: unknown;
  /** Attributes that a run may set, with the names of their variables. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Plan {
  /** The backend that it was recorded on and runs on. */
  readonly backend: string;
  readonly values: readonly PlanValue[];
  readonly calls: readonly PlanCall[];
  /** Values by name, as indices. */
  readonly inputs: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, number>>;
  /** Every variable with the value that was recorded, which counts where a run gives none. */
  readonly variables: Readonly<Record<string, number>>;
  /** Inputs that a run uses up, as a kernel that consumes does: read the outputs instead, and dispose of them. */
  readonly consumes: readonly string[];
}

/** Runs a plan in a backend's own way. Shapes and types have been checked. */
export interface PlanProgram {
  run(
    inputs: Readonly<Record<string, TensorInfo>>,
    variables: Readonly<Record<string, number>>,
  ): Record<string, TensorInfo>;
  dispose(): void;
}

/** A plan that is ready to run. Holds its constants until it is disposed of. */
export interface CompiledPlan<Inputs extends string = string, Outputs extends string = string> extends Disposable {
  readonly plan: Plan;
  /** Whether the backend runs it as one, or the calls are made one by one. */
  readonly isCompiled: boolean;
  /**
   * Outputs by name, which the caller disposes of.
   *
   * @throws SstError `invalid-argument` or `shape-mismatch` for inputs and variables that the plan does not have,
   * `wrong-backend` when another device is active, `device-lost`
   */
  run(inputs: Readonly<Record<Inputs, Tensor>>, variables?: Readonly<Record<string, number>>): Record<Outputs, Tensor>;
  dispose(): void;
}

/** How the active backend compiles, if it does; set by `ready()`. */
let compiler: ((plan: Plan) => PlanProgram | undefined) | undefined;

export function setCompiler(compile: typeof compiler): void {
  compiler = compile;
}

/**
 * Runs `f` once on the given inputs and records it. Outputs of that run are disposed of; inputs that it consumed are
 * used up.
 *
 * @throws SstError `contradiction` for a plan that uses up a constant, or gives one variable two values
 */
export function compile<Inputs extends string, Outputs extends string>(
  f: (inputs: Readonly<Record<Inputs, Tensor>>) => Readonly<Record<Outputs, Tensor>>,
  inputs: Readonly<Record<Inputs, Tensor>>,
): CompiledPlan<Inputs, Outputs> {
  const plan = record(f, inputs);
  const program = compiler?.(plan);
  const lastUses = lastUsesOf(plan);
  let isDisposed = false;
  const dispose = () => {
    if (isDisposed) return;
    isDisposed = true;
    program?.dispose();
    disposeConstants(plan);
  };
  return {
    plan,
    isCompiled: program !== undefined,
    run: (given, variables = {}) => {
      if (isDisposed) throw new SstError("disposed", "the plan was disposed of");
      checkRun(plan, given, variables);
      const { safe, copies } = withoutAliases(given, plan.consumes);
      const outputs =
        program === undefined
          ? runOneByOne(plan, lastUses, safe, variables)
          : runProgram(program, safe, { ...plan.variables, ...variables });
      for (const copy of copies) copy.dispose();
      return outputs as Record<Outputs, Tensor>;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function record(
  f: (inputs: never) => Readonly<Record<string, Tensor>>,
  inputs: Readonly<Record<string, Tensor>>,
): Plan {
  const recording = new Recording(inputs);
  try {
    tidy(() => {
      const outputs = listening(
        (call) => recording.add(call),
        () => f(inputs as never),
      );
      recording.finish(outputs);
    });
    return recording.plan;
  } catch (error) {
    disposeConstants(recording.plan);
    throw error;
  }
}

function disposeConstants({ values }: Plan): void {
  for (const { constant } of values) constant?.dispose();
}

/** Finds out what is what while calls come in. */
class Recording {
  readonly #values: PlanValue[] = [];
  /** Values by the data that they are and their shape: a tensor and its copy are one. */
  readonly #byData = new Map<object, Map<string, number>>();
  readonly #buffers = new Map<object, number>();
  readonly #calls: PlanCall[] = [];
  readonly #inputs: Record<string, number>;
  readonly #variables: Record<string, number> = {};
  readonly #consumed = new Set<number>();
  #outputs: Record<string, number> = {};

  constructor(inputs: Readonly<Record<string, Tensor>>) {
    this.#inputs = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, this.#define(tensor)]));
  }

  get plan(): Plan {
    const consumed = new Set([...this.#consumed].map((index) => this.#values[index]?.buffer));
    return {
      backend: activeDevice().backend,
      values: this.#values,
      calls: this.#calls,
      inputs: this.#inputs,
      outputs: this.#outputs,
      variables: this.#variables,
      consumes: Object.entries(this.#inputs).flatMap(([name, index]) =>
        consumed.has(this.#values[index]?.buffer) ? [name] : [],
      ),
    };
  }

  add({ kernel, inputs, attributes, outputs }: HeardCall): void {
    const definition = kernels().find((each) => engineKernelName(each.definition.name) === kernel)?.definition;
    const used = mapInputs(inputs, (tensor) => this.#use(tensor));
    for (const name of definition?.consumes ?? []) {
      const index = (used as Record<string, number>)[name] as number;
      if (this.#values[index]?.constant) {
        throw new SstError(
          "contradiction",
          `the plan uses up "${name}" of ${definition?.name}, which is no input of it: pass that tensor in`,
        );
      }
      this.#consumed.add(index);
    }
    const variables: Record<string, string> = {};
    for (const [name, spec] of Object.entries(definition?.attributes ?? {})) {
      if (spec.kind === "choice" || !spec.dynamic) continue;
      const variable = `${definition?.name}.${name}`;
      const value = (attributes as EngineAttributes).attributes[name] as number;
      const known = this.#variables[variable] ?? value;
      this.#variables[variable] = known;
      if (known !== value) {
        throw new SstError(
          "contradiction",
          `a plan has one ${variable}, but calls were made with ${known} and ${value}`,
        );
      }
      variables[name] = variable;
    }
    this.#calls.push({
      kernel,
      inputs: used,
      outputs: outputs.map((info) => this.#define(info)),
      attributes,
      variables,
    });
  }

  finish(outputs: Readonly<Record<string, Tensor>>): void {
    this.#outputs = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, this.#use(tensor)]));
  }

  /** The value that a tensor is; one that nothing made and nobody passed in is a constant. */
  #use(tensor: Tensor): number {
    const known = this.#byData.get(tensor.dataId)?.get(shapeKey(tensor));
    if (known !== undefined) return known;
    return this.#define(tensor, keep(tensor.clone()));
  }

  #define({ dataId, shape, dtype }: TensorInfo, constant?: Tensor): number {
    const buffer = this.#buffers.get(dataId) ?? this.#buffers.size;
    this.#buffers.set(dataId, buffer);
    const index = this.#values.push({ shape: [...shape], dtype, buffer, ...(constant && { constant }) }) - 1;
    const views = this.#byData.get(dataId) ?? new Map<string, number>();
    views.set(shapeKey({ shape }), index);
    this.#byData.set(dataId, views);
    return index;
  }
}

/** By name or as a list, as the engine has them. */
function mapInputs<From, To>(
  inputs: Readonly<Record<string, From>> | readonly From[],
  map: (input: From) => To,
): Readonly<Record<string, To>> | readonly To[] {
  if (Array.isArray(inputs)) return inputs.map(map);
  return Object.fromEntries(Object.entries(inputs as Record<string, From>).map(([name, input]) => [name, map(input)]));
}

function shapeKey({ shape }: { readonly shape: readonly number[] }): string {
  return shape.join();
}

function checkRun(
  plan: Plan,
  given: Readonly<Record<string, Tensor>>,
  variables: Readonly<Record<string, number>>,
): void {
  const device = activeDevice();
  device.requireLive();
  if (device.backend !== plan.backend) {
    throw new SstError("wrong-backend", `the plan runs on "${plan.backend}", but "${device.backend}" is active`);
  }
  for (const name of Object.keys(variables)) {
    if (name in plan.variables) continue;
    const known = Object.keys(plan.variables).join(", ") || "none";
    throw new SstError("invalid-argument", `the plan has no variable "${name}" (${known})`);
  }
  for (const [name, index] of Object.entries(plan.inputs)) {
    const { shape, dtype } = plan.values[index] as PlanValue;
    const tensor = given[name];
    if (tensor === undefined) throw new SstError("invalid-argument", `the plan's input "${name}" is missing`);
    if (tensor.shape.join() === shape.join() && tensor.dtype === dtype) continue;
    throw new SstError(
      "shape-mismatch",
      `the plan's input "${name}" should be [${shape}] of ${dtype}, but is [${tensor.shape}] of ${tensor.dtype}`,
    );
  }
}

/** For every call the values that nobody needs after it. */
function lastUsesOf(plan: Plan): readonly (readonly number[])[] {
  const lasting = new Set([...Object.values(plan.inputs), ...Object.values(plan.outputs)]);
  const seen = new Set<number>();
  const ends: number[][] = plan.calls.map(() => []);
  for (let at = plan.calls.length - 1; at >= 0; at--) {
    const { inputs, outputs } = plan.calls[at] as PlanCall;
    for (const index of [...Object.values(inputs), ...outputs]) {
      if (seen.has(index) || lasting.has(index) || plan.values[index]?.constant) continue;
      seen.add(index);
      ends[at]?.push(index);
    }
  }
  return ends;
}

function runProgram(
  program: PlanProgram,
  inputs: Readonly<Record<string, Tensor>>,
  variables: Readonly<Record<string, number>>,
): Record<string, Tensor> {
  const infos = Object.entries(program.run(inputs, variables));
  return Object.fromEntries(infos.map(([name, info]) => [name, engine().makeTensorFromTensorInfo(info)]));
}

function runOneByOne(
  plan: Plan,
  lastUses: readonly (readonly number[])[],
  given: Readonly<Record<string, Tensor>>,
  variables: Readonly<Record<string, number>>,
): Record<string, Tensor> {
  return tidy(() => {
    const values = plan.values.map(({ constant }) => constant);
    for (const [name, index] of Object.entries(plan.inputs)) values[index] = given[name];
    plan.calls.forEach((call, at) => {
      const inputs = mapInputs(call.inputs, (index) => values[index] as Tensor);
      const results = engine().runKernel(
        call.kernel,
        inputs as NamedTensorMap,
        attributesOf(plan, call, variables) as never,
      );
      const outputs = (Array.isArray(results) ? results : [results]) as Tensor[];
      call.outputs.forEach((index, position) => {
        values[index] = outputs[position];
      });
      for (const index of lastUses[at] as readonly number[]) values[index]?.dispose();
    });
    // An input or a constant that is given out as it came is a tensor of its own.
    return Object.fromEntries(
      Object.entries(plan.outputs).map(([name, index]) => [name, (values[index] as Tensor).clone()]),
    );
  });
}

function attributesOf(plan: Plan, call: PlanCall, variables: Readonly<Record<string, number>>): unknown {
  const names = Object.entries(call.variables);
  if (names.length === 0) return call.attributes;
  const { attributes, outputShapes } = call.attributes as EngineAttributes;
  const set = names.map(([name, variable]) => [name, variables[variable] ?? plan.variables[variable]]);
  return { attributes: { ...attributes, ...Object.fromEntries(set) }, outputShapes };
}
