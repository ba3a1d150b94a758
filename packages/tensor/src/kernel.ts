/**
 * How a kernel is called. A kernel is defined once (`kernel-definition.ts`); a backend may register a faster
 * implementation under the same name, and nobody above can tell, except by the clock.
 *
 * Calls go through the engine's own kernel registry, where `ready()` puts, for every kernel, either the backend's
 * implementation or the composition: so tapes, profiling and memory accounting are the engine's.
 */
import {
  engine,
  type GradConfig,
  type KernelBackend,
  type NamedTensorMap,
  registerGradient,
  type Tensor,
  type TensorInfo,
  zeros,
} from "@tensorflow/tfjs-core";
import { withoutAliases } from "./aliases.js";
import { checkCall } from "./kernel-checks.js";
import type {
  AttributeSpecs,
  AttributesOf,
  InputsOf,
  KernelDefinition,
  OutputsOf,
  TensorSpecs,
} from "./kernel-definition.js";
import { requireLiveDevice } from "./live-device.js";
import { registerRecordedKernel } from "./recorder.js";

/** What a backend's own implementation is called with. */
export interface KernelCall {
  /** By name; an optional one that was left out is absent. */
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** By name, in the order of the definition. */
  readonly outputShapes: Readonly<Record<string, number[]>>;
  readonly engine: KernelBackend;
}

/**
 * A backend's own implementation: one info per output, in the order of the definition; or undefined for a call that it leaves to the
 * composition, whatever the reason: sizes, a choice among the attributes, an optional input.
 */
export type KernelImplementation = (call: KernelCall) => TensorInfo[] | undefined;

export type KernelImplementations = Readonly<Record<string, KernelImplementation>>;

/** A defined kernel: call it with tensors and attributes, get tensors by output name. */
export interface Kernel<
  Inputs extends TensorSpecs = TensorSpecs,
  Outputs extends TensorSpecs = TensorSpecs,
  Attributes extends AttributeSpecs = AttributeSpecs,
> {
  readonly definition: KernelDefinition<Inputs, Outputs, Attributes>;
  /** @throws SstError `invalid-argument`, `shape-mismatch` or `wrong-backend` for what does not fit, `device-lost` */
  (inputs: InputsOf<Inputs>, attributes: AttributesOf<Attributes>): OutputsOf<Outputs>;
}

/** A kernel whose names are not known to the compiler: what the kit and the registry handle. */
export interface AnyKernel {
  readonly definition: KernelDefinition;
  (
    inputs: Readonly<Record<string, Tensor | undefined>>,
    attributes: Readonly<Record<string, unknown>>,
  ): Record<string, Tensor>;
}

/** What travels through the engine's registry beside the input tensors. */
export interface EngineAttributes {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly outputShapes: Readonly<Record<string, number[]>>;
  /** Of the inputs that are there. */
  readonly inputNames: readonly string[];
}

const ENGINE_PREFIX = "sst/";

const definedKernels = new Map<string, AnyKernel>();

/** Every kernel of the contract, in the order of definition; the conformance kit walks over it. */
export function kernels(): readonly AnyKernel[] {
  return [...definedKernels.values()];
}

/** The kernel that the engine's registry has under a name, if it is one of the contract. */
export function kernelByEngineName(engineName: string): AnyKernel | undefined {
  return engineName.startsWith(ENGINE_PREFIX) ? definedKernels.get(engineName.slice(ENGINE_PREFIX.length)) : undefined;
}

/** Defines a kernel and its gradient, once and for all backends. */
export function defineKernel<
  const Inputs extends TensorSpecs,
  const Outputs extends TensorSpecs,
  const Attributes extends AttributeSpecs,
>(definition: KernelDefinition<Inputs, Outputs, Attributes>): Kernel<Inputs, Outputs, Attributes> {
  const general = definition as unknown as KernelDefinition;
  const gradient = registerKernelGradient(general);
  const call = (
    given: Readonly<Record<string, Tensor | undefined>>,
    attributes: Readonly<Record<string, unknown>>,
  ): Record<string, Tensor> => {
    requireLiveDevice();
    const { inputs, outputShapes } = checkCall(general, given, attributes);
    const names = Object.keys(general.outputs);
    const shapes = Object.values(outputShapes);
    if (shapes.every((shape) => shape.includes(0))) {
      return Object.fromEntries(names.map((name) => [name, zeros(outputShapes[name] as number[])]));
    }
    const { safe, copies } = withoutAliases(inputs, general.consumes ?? []);
    const inputNames = Object.keys(inputs);
    const engineAttributes: EngineAttributes = { attributes: { ...attributes }, outputShapes, inputNames };
    // The engine reads this when it has run the kernel, and knows of no optional inputs.
    if (gradient !== undefined) gradient.inputsToSave = savedInputs(general, inputNames);
    try {
      const results = engine().runKernel(engineKernelName(general.name), safe, engineAttributes as never);
      const outputs = (Array.isArray(results) ? results : [results]) as Tensor[];
      return Object.fromEntries(names.map((name, index) => [name, outputs[index] as Tensor]));
    } finally {
      for (const copy of copies) copy.dispose();
    }
  };
  const kernel = Object.assign(call, { definition: general }) as AnyKernel;
  definedKernels.set(definition.name, kernel);
  return kernel as unknown as Kernel<Inputs, Outputs, Attributes>;
}

/**
 * Puts every kernel into the engine's registry for one backend: its own implementation where it has one, the
 * composition elsewhere. Called by `ready()`.
 */
export function installKernels(engineBackendName: string, implementations: KernelImplementations): void {
  for (const { definition } of kernels()) {
    const implementation = implementations[definition.name];
    registerRecordedKernel({
      kernelName: engineKernelName(definition.name),
      backendName: engineBackendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const { attributes, outputShapes } = attrs as unknown as EngineAttributes;
        const own = implementation?.({
          inputs: inputs as Record<string, TensorInfo>,
          attributes,
          outputShapes,
          engine: backend as KernelBackend,
        });
        if (own !== undefined) return own;
        return engine().tidy(() => {
          const composed = definition.compose(inputs as NamedTensorMap, attributes as never);
          return Object.keys(definition.outputs).map((name) => composed[name] as Tensor);
        });
      },
    });
  }
}

/** Prefixed, so that our names never meet those of the engine's own kernels. */
export function engineKernelName(kernelName: string): string {
  return `${ENGINE_PREFIX}${kernelName}`;
}

/** Those of the named inputs that the gradient needs. */
function savedInputs({ gradient }: KernelDefinition, inputNames: readonly string[]): string[] {
  return gradient?.saves.filter((name) => inputNames.includes(name)) ?? [];
}

/** @returns the engine's entry, whose `inputsToSave` is a call's own */
function registerKernelGradient(definition: KernelDefinition): GradConfig | undefined {
  const { gradient } = definition;
  if (gradient === undefined) return undefined;
  const outputNames = Object.keys(definition.outputs);
  const savedOutputs = outputNames.filter((name) => gradient.saves.includes(name));
  const entry: GradConfig = {
    kernelName: engineKernelName(definition.name),
    outputsToSave: outputNames.map((name) => gradient.saves.includes(name)),
    gradFunc: (outputGradient, saved, attrs) => {
      const { attributes, inputNames } = attrs as unknown as EngineAttributes;
      const savedNames = [...savedInputs(definition, inputNames), ...savedOutputs];
      const list = Array.isArray(outputGradient) ? outputGradient : [outputGradient];
      const gradients = gradient.compute(
        Object.fromEntries(outputNames.map((name, index) => [name, list[index] as Tensor])),
        Object.fromEntries(savedNames.map((name, index) => [name, saved[index] as Tensor])),
        attributes as never,
      );
      return gradients as Record<string, () => Tensor>;
    },
  };
  registerGradient(entry);
  return entry;
}
