/** The border: what a kernel is called with is held against its definition before any backend sees it. */
import { type DataType, engine, type NamedTensorMap, type Tensor } from "@tensorflow/tfjs-core";
import { SstError } from "./errors.js";
import type { AttributeSpec, KernelDefinition, TensorSpec } from "./kernel-definition.js";
import { activeDevice } from "./live-device.js";
import { ShapeBindings } from "./shapes.js";

export interface CheckedCall {
  readonly inputs: NamedTensorMap;
  readonly outputShapes: Record<string, number[]>;
}

/** @throws SstError `invalid-argument`, `shape-mismatch` or `wrong-backend`, with the kernel's name, what was expected and what was given */
export function checkCall(
  definition: KernelDefinition,
  given: Readonly<Record<string, Tensor | undefined>>,
  attributes: Readonly<Record<string, unknown>>,
): CheckedCall {
  const inputs = presentInputs(definition, given);
  const bindings = new ShapeBindings(definition.name);
  for (const [name, spec] of Object.entries(definition.attributes)) {
    checkAttribute(definition.name, name, spec, attributes[name]);
  }
  bindSizeAttributes(bindings, definition, attributes);
  for (const [name, tensor] of Object.entries(inputs)) {
    const spec = definition.inputs[name] as TensorSpec;
    checkType(definition.name, name, spec.dtype ?? "float32", tensor.dtype);
    bindings.bind(name, spec.shape, tensor.shape);
  }
  const complaint = definition.requires?.(bindings.sizes(), attributes as never);
  if (complaint !== undefined) throw new SstError("shape-mismatch", `${definition.name}: ${complaint}`);
  for (const [name, tensor] of Object.entries(inputs)) requireHome(definition.name, name, tensor);
  const outputShapes = Object.fromEntries(
    Object.entries(definition.outputs).map(([name, spec]) => [name, bindings.resolve(spec.shape)]),
  );
  return { inputs, outputShapes };
}

/** A size that no input has comes in as an attribute of its name. */
export function bindSizeAttributes(
  bindings: ShapeBindings,
  definition: KernelDefinition,
  attributes: Readonly<Record<string, unknown>>,
): void {
  for (const [name, spec] of Object.entries(definition.attributes)) {
    if (spec.kind === "whole" && !spec.dynamic) bindings.bindSize(name, attributes[name] as number);
  }
}

function presentInputs(definition: KernelDefinition, given: Readonly<Record<string, Tensor | undefined>>) {
  const present: NamedTensorMap = {};
  for (const [name, spec] of Object.entries(definition.inputs)) {
    const tensor = given[name];
    if (tensor !== undefined) present[name] = tensor;
    else if (!spec.optional) {
      throw new SstError("invalid-argument", `${definition.name}: input "${name}" is missing`);
    }
  }
  return present;
}

/** @throws SstError `invalid-argument` */
export function checkAttribute(kernel: string, name: string, spec: AttributeSpec, value: unknown): void {
  const complain = (expected: string): never => {
    throw new SstError(
      "invalid-argument",
      `${kernel}: attribute "${name}" should be ${expected}, but is ${String(value)}`,
    );
  };
  if (spec.kind === "choice") {
    if (!spec.of.includes(value as string)) complain(`one of ${spec.of.join(", ")}`);
    return;
  }
  const { kind, minimum } = spec;
  const isNumber = kind === "whole" ? Number.isInteger(value) : typeof value === "number" && !Number.isNaN(value);
  if (isNumber && (minimum === undefined || (value as number) >= minimum)) return;
  const range = minimum === undefined ? "" : ` of at least ${minimum}`;
  complain(`a ${kind === "whole" ? "whole number" : "number"}${range}`);
}

function checkType(kernel: string, name: string, expected: DataType, given: DataType): void {
  if (given === expected) return;
  throw new SstError("shape-mismatch", `${kernel}: input "${name}" should hold ${expected}, but holds ${given}`);
}

/**
 * The engine would move the data of another device here, without a word and for good.
 *
 * @throws SstError `disposed` or `wrong-backend`
 */
export function requireHome(user: string, name: string, tensor: Tensor): void {
  if (tensor.isDisposed) throw new SstError("disposed", `${user}: input "${name}" was disposed of`);
  const home = engine().state.tensorInfo.get(tensor.dataId)?.backend;
  if (home === undefined || home === engine().backend) return;
  throw new SstError(
    "wrong-backend",
    `${user}: input "${name}" lives on another device than "${activeDevice().backend}", which is ` +
      "active: make its own active again with `ready({ backend })`, or create it here",
  );
}
