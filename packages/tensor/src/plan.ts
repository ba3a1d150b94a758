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
import { engine, type Tensor, type TensorInfo } from "@tensorflow/tfjs-core";
import { withoutAliases } from "./aliases.js";
import { SstError } from "./errors.js";
import { activeDevice, type LiveDevice } from "./live-device.js";
import { lastUsesOf, runOneByOne } from "./plan-execution.js";
import { disposeConstants, record } from "./plan-recording.js";

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
  const device = activeDevice();
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
      requireActive(device);
      checkRun(plan, given, variables);
      const { safe, copies } = withoutAliases(given, plan.consumes);
      try {
        const outputs =
          program === undefined
            ? runOneByOne(plan, lastUses, safe, variables)
            : runProgram(program, safe, { ...plan.variables, ...variables });
        return outputs as Record<Outputs, Tensor>;
      } finally {
        for (const copy of copies) copy.dispose();
      }
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** A plan's constants are in the memory of the device that it was recorded on. */
function requireActive(device: LiveDevice): void {
  device.requireLive();
  const active = activeDevice();
  if (device === active) return;
  throw new SstError("wrong-backend", `the plan runs on "${device.backend}", but "${active.backend}" is active`);
}

function checkRun(
  plan: Plan,
  given: Readonly<Record<string, Tensor>>,
  variables: Readonly<Record<string, number>>,
): void {
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

function runProgram(
  program: PlanProgram,
  inputs: Readonly<Record<string, Tensor>>,
  variables: Readonly<Record<string, number>>,
): Record<string, Tensor> {
  const infos = Object.entries(program.run(inputs, variables));
  return Object.fromEntries(infos.map(([name, info]) => [name, engine().makeTensorFromTensorInfo(info)]));
}
