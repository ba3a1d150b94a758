/** The list of plugins, and `ready()`, which brings one of them to life. Plugins register themselves when they are imported. */
import {
  engine,
  getKernelsForBackend,
  registerBackend as registerEngineBackend,
  setBackend,
  unregisterKernel,
} from "@tensorflow/tfjs-core";
import {
  type Availability,
  BACKEND_CONTRACT_VERSION,
  type Backend,
  type BackendRuntime,
  type Capabilities,
} from "./backend.js";
import { countBytes } from "./byte-count.js";
import { setCompiler } from "./compile.js";
import { SstError } from "./errors.js";
import { installKernels } from "./kernel.js";
import { activeDevice, LiveDevice, setActiveDevice } from "./live-device.js";
import { registerRecordedKernel } from "./recorder.js";
import { setRangeWriter } from "./tensor-upload.js";

/** What `ready()` and `devices()` say of a backend. */
export interface Device {
  readonly backend: string;
  readonly priority: number;
  readonly availability: Availability;
  /** Present while the backend is live. */
  readonly live?: {
    readonly capabilities: Capabilities;
    /** Names of our kernels that the backend implements itself. */
    readonly ownKernels: readonly string[];
    /** Bytes of the tensors that live on it. */
    readonly bytesInUse: number;
    readonly isActive: boolean;
  };
}

/** What `ready()` decided. */
export interface ReadyDevice extends Device {
  readonly live: NonNullable<Device["live"]>;
  /** Why this one: it was named, and by what, or it is the best that there is. */
  readonly because: string;
  /** Backends of a higher priority, and why they were not taken. */
  readonly passedOver: readonly { readonly backend: string; readonly reason: string }[];
}

interface LiveBackend {
  readonly runtime: BackendRuntime;
  readonly device: LiveDevice;
  readonly kernels: ReturnType<Backend["kernels"]>;
  bytesInUse(): number;
}

const backends = new Map<string, Backend>();
const live = new Map<string, LiveBackend>();

/**
 * @param options.replace puts the plugin in the place of another one of its name, which is disposed of when it is live
 * @throws SstError `backend-contract` for a plugin of another contract version, `backend-exists` when the name is taken
 */
export function registerBackend(backend: Backend, options: { readonly replace?: boolean } = {}): void {
  if (backend.contractVersion !== BACKEND_CONTRACT_VERSION) {
    throw new SstError(
      "backend-contract",
      `backend "${backend.name}" was built for contract version ${backend.contractVersion}, this is version ` +
        `${BACKEND_CONTRACT_VERSION}: install versions of @sst/tensor and the backend that fit together`,
    );
  }
  const present = backends.get(backend.name);
  if (present === backend) return;
  if (present !== undefined) {
    if (!options.replace) {
      throw new SstError(
        "backend-exists",
        `there is a backend "${backend.name}" already: give yours another name, or register it with { replace: true }`,
      );
    }
    disposeBackend(backend.name);
  }
  backends.set(backend.name, backend);
}

/**
 * Makes a device the active one: the one named by `backend` or by the environment variable `SST_BACKEND`, else the best
 * that is available and comes to life. A device that was lost is made anew.
 *
 * @throws SstError `backend-unknown` for a name that no plugin has registered, `backend-unavailable` with every reason
 * when none can be used here, `backend-failed` when the one that was named does not come to life
 */
export async function ready(options: { readonly backend?: string } = {}): Promise<ReadyDevice> {
  const fromEnvironment = globalThis.process?.env?.SST_BACKEND;
  const wanted = options.backend || fromEnvironment;
  const passedOver: { backend: string; reason: string }[] = [];
  for (const backend of wanted ? [findBackend(wanted)] : byPriority()) {
    const availability = await availabilityOf(backend);
    if (!availability.available) {
      passedOver.push({ backend: backend.name, reason: availability.reason });
      continue;
    }
    try {
      await activate(backend);
    } catch (error) {
      if (wanted) throw error;
      passedOver.push({ backend: backend.name, reason: (error as Error).message });
      continue;
    }
    const naming = options.backend ? "it was named" : `SST_BACKEND is "${fromEnvironment}"`;
    const because = wanted ? naming : "it is the available one of the highest priority";
    return { ...describe(backend, availability), because, passedOver } as ReadyDevice;
  }
  const reasons = passedOver.map(({ backend, reason }) => `${backend}: ${reason}`).join("; ");
  throw new SstError(
    "backend-unavailable",
    `no usable backend (${reasons || "none is registered: import @sst/backend-cpu or another backend first"})`,
  );
}

/**
 * Every registered backend, best first.
 *
 * @param options.bringToLife whether to bring those to life that are not, so that all that can be used say what they can
 * do; the active one stays active, and one that does not come to life is listed with the reason
 */
export async function devices(options: { readonly bringToLife?: boolean } = {}): Promise<Device[]> {
  const list: Device[] = [];
  // One after the other: a device that comes to life may want all of the machine.
  for (const backend of byPriority()) {
    let availability = await availabilityOf(backend);
    if (options.bringToLife && availability.available) {
      await liveBackend(backend).catch((error: Error) => {
        availability = { available: false, reason: error.message };
      });
    }
    list.push(describe(backend, availability));
  }
  return list;
}

/** The active backend's name. @throws SstError `not-ready` before `ready()` */
export function activeBackend(): string {
  return activeDevice().backend;
}

/** Gives a live backend's device back, with everything that is on it. Says nothing when it is not live. */
export function disposeBackend(name: string): void {
  const found = live.get(name);
  if (found === undefined) return;
  found.device.markLost("it was disposed of");
  forget(name, found);
}

/** Tensors that are alive, and the bytes that they take on all devices: several tensors may lie on the same ones. */
export function memory(): { readonly tensors: number; readonly bytes: number } {
  const bytes = [...live.values()].reduce((total, { bytesInUse }) => total + bytesInUse(), 0);
  return { tensors: engine().memory().numTensors, bytes };
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

async function availabilityOf(backend: Backend): Promise<Availability> {
  const alive = live.get(backend.name);
  // Who is alive is available, and asking again may cost a device.
  if (alive !== undefined && !alive.device.isLost) return { available: true };
  return backend.isAvailable();
}

/** Comings to life that are under way, so that two callers share one device. */
const starting = new Map<string, Promise<LiveBackend>>();

async function activate(backend: Backend): Promise<void> {
  const { device, runtime } = await liveBackend(backend);
  await setBackend(engineName(backend.name));
  setActiveDevice(device);
  setCompiler(backend.compile && ((plan) => backend.compile?.(runtime, plan)));
  setRangeWriter(runtime.writeRange && ((...range) => runtime.writeRange?.(...range)));
}

/** Brought to life if it is not, or was lost. */
async function liveBackend(backend: Backend): Promise<LiveBackend> {
  const { name } = backend;
  const present = live.get(name);
  if (present !== undefined && !present.device.isLost) return present;
  if (present !== undefined) forget(name, present);
  const start = starting.get(name) ?? bringToLife(backend);
  starting.set(name, start);
  try {
    return await start;
  } finally {
    starting.delete(name);
  }
}

async function bringToLife(backend: Backend): Promise<LiveBackend> {
  const { name } = backend;
  const device = new LiveDevice(name);
  let runtime: BackendRuntime;
  try {
    runtime = await backend.initialize({ onLost: (reason) => device.markLost(reason) });
  } catch (error) {
    if (error instanceof SstError) throw error;
    throw new SstError("backend-failed", `backend "${name}" does not come to life: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const bytesInUse = runtime.bytesInUse ?? countBytes(runtime.engine);
  for (const kernel of runtime.engineKernels) registerRecordedKernel({ ...kernel, backendName: engineName(name) });
  const kernels = backend.kernels(runtime);
  installKernels(engineName(name), kernels);
  registerEngineBackend(engineName(name), () => runtime.engine, backend.priority);
  const found = { runtime, device, kernels, bytesInUse };
  live.set(name, found);
  return found;
}

function forget(name: string, { runtime }: LiveBackend): void {
  live.delete(name);
  for (const { kernelName } of getKernelsForBackend(engineName(name))) unregisterKernel(kernelName, engineName(name));
  engine().removeBackend(engineName(name));
  backends.get(name)?.dispose(runtime);
}

function describe(backend: Backend, availability: Availability): Device {
  const found = live.get(backend.name);
  const device = { backend: backend.name, priority: backend.priority, availability };
  if (found === undefined || found.device.isLost) return device;
  return {
    ...device,
    live: {
      capabilities: backend.capabilities(found.runtime),
      ownKernels: Object.keys(found.kernels),
      bytesInUse: found.bytesInUse(),
      isActive: engine().backendName === engineName(backend.name),
    },
  };
}

/** Ours are prefixed, since TensorFlow.js' own packages register backends under the plain names. */
function engineName(name: string): string {
  return `sst-${name}`;
}
