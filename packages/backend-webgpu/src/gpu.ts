/** Where WebGPU comes from: the browser, or in Node the package `webgpu` (Dawn), which is loaded when it is asked for. */
import type { Unavailability } from "./adapter.js";

/** What npm's `webgpu` exports, as far as it is needed here. */
interface DawnPackage {
  /** The entry point of WebGPU, for the given Dawn options. */
  create(options: string[]): GPU;
  /** `GPUBuffer`, `GPUBufferUsage` and so on, which a browser has as globals. */
  readonly globals: object;
}

/** A variable, so that bundlers for browsers leave the import alone. */
const dawnPackage = "webgpu";

/** Whether this is Node without a WebGPU of its own. */
export function isNode(): boolean {
  return typeof globalThis.process?.versions?.node === "string";
}

/** `navigator.gpu`; in Node it is made first. */
export async function findGpu(): Promise<GPU | Unavailability> {
  const present: GPU | undefined = globalThis.navigator?.gpu;
  if (present) return present;
  if (isNode()) return loadDawn();
  return {
    code: "no-webgpu",
    reason:
      "there is no navigator.gpu: this browser has no WebGPU, or the page is not served over https or from localhost",
  };
}

async function loadDawn(): Promise<GPU | Unavailability> {
  let dawn: DawnPackage;
  try {
    dawn = (await import(/* @vite-ignore */ dawnPackage)) as DawnPackage;
  } catch (error) {
    return whyNotLoaded(error);
  }
  if (globalThis.navigator.gpu) return globalThis.navigator.gpu;
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  // The engine looks for it here. Dawn does not keep the process alive: it ends with its last pending work.
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
  return gpu;
}

function whyNotLoaded(error: unknown): Unavailability {
  const { code, message } = error as { code?: string; message: string };
  if (code === "ERR_MODULE_NOT_FOUND") {
    return { code: "package-missing", reason: "the package `webgpu` is not installed: run `npm install webgpu`" };
  }
  return { code: "package-broken", reason: `the package \`webgpu\` cannot be loaded on this machine: ${message}` };
}
