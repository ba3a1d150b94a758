/**
 * What a kernel is, and how it is called. A kernel is defined once: its typed inputs and outputs, a composition of basic
 * operations that runs on any backend, and its gradient. A backend may register a faster implementation under the same
 * name; nobody above can tell, except by the clock.
 *
 * Calls go through the engine's own kernel registry, where `ready()` puts, for every kernel, either the backend's
 * implementation or the composition: so tapes, profiling and memory accounting are the engine's.
 */
import {
  type DataType,
  engine,
  type KernelBackend,
  type NamedTensorMap,
  registerGradient,
  registerKernel,
  type Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { SstError } from "./errors.js";
import { ShapeBindings, type SymbolicShape } from "./shapes.js";

export interface TensorSpec {
  readonly shape: SymbolicShape;
  /** Defaults to `float32`. */
  readonly dtype?: "float32" | "int32";
  readonly optional?: boolean;
}

export type TensorMap = Readonly<Record<string, Tensor>>;

export interface KernelGradient<Attributes> {
  /** Inputs (not optional ones) and outputs that the gradient needs; they are kept until the backward pass has used them. */
  readonly saves: readonly string[];
  /**
   * Gradients by input name, from the gradients of the outputs (by name) and what was saved. Each is a function, called
   * only where a gradient is asked for. Work that several of them share is done before they are returned.
   */
  compute(outputGradients: TensorMap, saved: TensorMap, attributes: Attributes): Record<string, () => Tensor>;
}

export interface KernelDefinition<Attributes extends object = object> {
  readonly name: string;
  /** One sentence: what it computes. */
  readonly summary: string;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  /**
   * Inputs that the call uses up: an implementation may write its result into their memory. The caller disposes of them
   * afterwards and reads only the outputs.
   */
  readonly consumes?: readonly string[];
  /** The composition, as tensors by output name. Runs inside a `tidy`. */
  compose(inputs: TensorMap, attributes: Attributes): Record<string, Tensor>;
  readonly gradient?: KernelGradient<Attributes>;
  /** Largest error against the float64 oracle that a backend may show, relative to the largest entry of the output. */
  readonly tolerance: number;
}

/** A backend's own implementation: one info per output, in the order of the definition. */
export type KernelImplementation = (call: {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly outputShapes: Readonly<Record<string, number[]>>;
  readonly engine: KernelBackend;
}) => TensorInfo[];

/** A defined kernel: call it with tensors and attributes, get tensors by output name. */
export interface Kernel<Attributes extends object = object> {
  readonly definition: KernelDefinition<Attributes>;
  (inputs: Readonly<Record<string, Tensor | undefined>>, attributes: Attributes): Record<string, Tensor>;
}

/** What travels through the engine's registry beside the input tensors. */
interface EngineAttributes {
  readonly attributes: Record<string, unknown>;
  readonly outputShapes: Record<string, number[]>;
}

const definedKernels = new Map<string, Kernel>();

/** Every kernel of the contract, in the order of definition; the conformance kit walks over it. */
export function kernels(): readonly Kernel[] {
  return [...definedKernels.values()];
}

/** Defines a kernel and its gradient, once and for all backends. */
export function defineKernel<Attributes extends object>(definition: KernelDefinition<Attributes>): Kernel<Attributes> {
  registerKernelGradient(definition as unknown as KernelDefinition);
  const call = (inputs: Readonly<Record<string, Tensor | undefined>>, attributes: Attributes) => {
    const present = presentInputs(definition as unknown as KernelDefinition, inputs);
    const outputShapes = checkShapes(definition as unknown as KernelDefinition, present);
    const engineAttributes: EngineAttributes = {
      attributes: { ...attributes } as Record<string, unknown>,
      outputShapes,
    };
    const results = engine().runKernel(engineName(definition.name), present, engineAttributes as never);
    const outputs = Array.isArray(results) ? results : [results];
    return Object.fromEntries(Object.keys(definition.outputs).map((name, index) => [name, outputs[index] as Tensor]));
  };
  const kernel = Object.assign(call, { definition }) as Kernel<Attributes>;
  definedKernels.set(definition.name, kernel as unknown as Kernel);
  return kernel;
}

/**
 * Puts every kernel into the engine's registry for one backend: its own implementation where it has one, the
 * composition elsewhere. Called once by `ready()`.
 */
export function installKernels(
  engineBackendName: string,
  implementations: Readonly<Record<string, KernelImplementation>>,
): void {
  for (const { definition } of kernels()) {
    const implementation = implementations[definition.name];
    registerKernel({
      kernelName: engineName(definition.name),
      backendName: engineBackendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const { attributes, outputShapes } = attrs as unknown as EngineAttributes;
        if (implementation !== undefined) {
          return implementation({
            inputs: inputs as Record<string, TensorInfo>,
            attributes,
            outputShapes,
            engine: backend as KernelBackend,
          });
        }
        return engine().tidy(() => {
          const composed = definition.compose(inputs as NamedTensorMap, attributes);
          return Object.keys(definition.outputs).map((name) => composed[name] as Tensor);
        });
      },
    });
  }
}

/** Prefixed, so that our names never meet those of the engine's own kernels. */
function engineName(kernelName: string): string {
  return `sst/${kernelName}`;
}

function registerKernelGradient(definition: KernelDefinition): void {
  const { gradient } = definition;
  if (gradient === undefined) return;
  const outputNames = Object.keys(definition.outputs);
  const savedInputs = gradient.saves.filter((name) => name in definition.inputs);
  const savedOutputs = outputNames.filter((name) => gradient.saves.includes(name));
  const savedNames = [...savedInputs, ...savedOutputs];
  registerGradient({
    kernelName: engineName(definition.name),
    inputsToSave: savedInputs,
    outputsToSave: outputNames.map((name) => gradient.saves.includes(name)),
    gradFunc: (outputGradient, saved, attrs) => {
      const list = Array.isArray(outputGradient) ? outputGradient : [outputGradient];
      return gradient.compute(
        Object.fromEntries(outputNames.map((name, index) => [name, list[index] as Tensor])),
        Object.fromEntries(savedNames.map((name, index) => [name, saved[index] as Tensor])),
        (attrs as unknown as EngineAttributes).attributes,
      );
    },
  });
}

function presentInputs(definition: KernelDefinition, inputs: Readonly<Record<string, Tensor | undefined>>) {
  const present: NamedTensorMap = {};
  for (const [name, spec] of Object.entries(definition.inputs)) {
    const tensor = inputs[name];
    if (tensor !== undefined) present[name] = tensor;
    else if (!spec.optional) {
      throw new SstError("invalid-argument", `${definition.name}: input "${name}" is missing`);
    }
  }
  return present;
}

function checkShapes(definition: KernelDefinition, inputs: TensorMap): Record<string, number[]> {
  const bindings = new ShapeBindings(definition.name);
  for (const [name, tensor] of Object.entries(inputs)) {
    const spec = definition.inputs[name] as TensorSpec;
    const expectedType: DataType = spec.dtype ?? "float32";
    if (tensor.dtype !== expectedType) {
      throw new SstError(
        "shape-mismatch",
        `${definition.name}: input "${name}" should hold ${expectedType}, but holds ${tensor.dtype}`,
      );
    }
    bindings.bind(name, spec.shape, tensor.shape);
  }
  return Object.fromEntries(
    Object.entries(definition.outputs).map(([name, spec]) => [name, bindings.resolve(spec.shape)]),
  );
}
