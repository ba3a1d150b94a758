/**
 * The contract for a device plugin, the list of plugins, and `ready()`, which brings one of them to life. A plugin
 * registers itself with `registerBackend` when its package is imported.
 */
import {
  engine,
  getBackend,
  type KernelBackend,
  type KernelConfig,
  registerBackend as registerEngineBackend,
  registerKernel,
  setBackend,
} from "@tensorflow/tfjs-core";
import { SstError } from "./errors.js";
import { installKernels, type KernelImplementation } from "./kernel.js";

/** The version of this contract. A plugin built for another one is refused. */
export const BACKEND_CONTRACT_VERSION = 1;

/** Whether a device can be used here, and if not, why. */
export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

/** What a plugin hands over when it has been initialised. */
export interface InitializedBackend {
  /** The TensorFlow.js backend that owns the data. */
  readonly engine: KernelBackend;
  /** The basic operations: kernels of TensorFlow.js that run on that backend. */
  readonly engineKernels: readonly Pick<KernelConfig, "kernelName" | "kernelFunc" | "setupFunc">[];
  /** Own implementations of our kernels, by name; where one is missing the composition runs. */
  readonly kernels: Readonly<Record<string, KernelImplementation>>;
  /** What the device is, in words: instruction set, adapter, driver. */
  readonly description: string;
}

/** A device plugin. */
export interface Backend {
  readonly contractVersion: number;
  /** Short and unique: what a user passes as `--backend`. */
  readonly name: string;
  /** The available backend of the highest priority is taken unless one is named. */
  readonly priority: number;
  isAvailable(): Promise<Availability>;
  /** Called once, after `isAvailable` said yes. */
  initialize(): Promise<InitializedBackend>;
}

/** What `ready()` and `devices()` say of a backend. */
export interface Device {
  readonly backend: string;
  readonly priority: number;
  readonly availability: Availability;
  /** Present once the backend has been initialised. */
  readonly description?: string;
  /** Names of our kernels that the backend implements itself. */
  readonly ownKernels?: readonly string[];
}

const backends = new Map<string, Backend>();
const initialized = new Map<string, InitializedBackend>();

/** @throws SstError `backend-contract` for a plugin of another contract version */
export function registerBackend(backend: Backend): void {
  if (backend.contractVersion !== BACKEND_CONTRACT_VERSION) {
    throw new SstError(
      "backend-contract",
      `backend "${backend.name}" was built for contract version ${backend.contractVersion}, this is version ` +
        `${BACKEND_CONTRACT_VERSION}: install versions of @sst/tensor and the backend that fit together`,
    );
  }
  backends.set(backend.name, backend);
}

/**
 * Makes a device the active one: the one named by `backend` or by the environment variable `SST_BACKEND`, else the best
 * available.
 *
 * @throws SstError `backend-unknown` for a name that no plugin has registered, `backend-unavailable` with every reason
 * when none can be used here
 */
export async function ready(options: { readonly backend?: string } = {}): Promise<Device> {
  const wanted = options.backend ?? globalThis.process?.env?.SST_BACKEND;
  const candidates = wanted ? [findBackend(wanted)] : byPriority();
  const refusals: string[] = [];
  for (const backend of candidates) {
    const availability = await backend.isAvailable();
    if (availability.available) return activate(backend, availability);
    refusals.push(`${backend.name}: ${availability.reason}`);
  }
  const reasons = refusals.join("; ") || "none is registered: import @sst/backend-cpu or another backend first";
  throw new SstError("backend-unavailable", `no usable backend (${reasons})`);
}

/** Every registered backend, best first. Does not initialise any. */
export async function devices(): Promise<Device[]> {
  return Promise.all(byPriority().map(async (backend) => describe(backend, await backend.isAvailable())));
}

/** The active backend's name. @throws SstError `not-ready` before `ready()` */
export function activeBackend(): string {
  const name = [...initialized.keys()].find((candidate) => engineName(candidate) === getBackend());
  if (name === undefined) throw new SstError("not-ready", "no backend is active: call `await ready()` first");
  return name;
}

function findBackend(name: string): Backend {
  const backend = backends.get(name);
  if (backend === undefined) {
    const known = byPriority().map((each) => each.name);
    throw new SstError("backend-unknown", `unknown backend "${name}"; registered: ${known.join(", ") || "none"}`);
  }
  return backend;
}

function byPriority(): Backend[] {
  return [...backends.values()].sort((left, right) => right.priority - left.priority);
}

async function activate(backend: Backend, availability: Availability): Promise<Device> {
  const name = engineName(backend.name);
  if (!initialized.has(backend.name)) {
    const parts = await backend.initialize();
    for (const kernel of parts.engineKernels) registerKernel({ ...kernel, backendName: name });
    installKernels(name, parts.kernels);
    registerEngineBackend(name, () => parts.engine, backend.priority);
    initialized.set(backend.name, parts);
  }
  await setBackend(name);
  return describe(backend, availability);
}

function describe(backend: Backend, availability: Availability): Device {
  const parts = initialized.get(backend.name);
  return {
    backend: backend.name,
    priority: backend.priority,
    availability,
    ...(parts && {
      description: parts.description,
      ownKernels: Object.keys(parts.kernels),
    }),
  };
}

/** Ours are prefixed, since TensorFlow.js' own packages register backends under the plain names. */
function engineName(name: string): string {
  return `sst-${name}`;
}

/** Tensors and bytes that are alive, as the engine counts them. */
export function memory(): { readonly tensors: number; readonly bytes: number } {
  const { numTensors, numBytes } = engine().memory();
  return { tensors: numTensors, bytes: numBytes };
}
