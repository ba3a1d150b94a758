/** The plugin object: `@sst/backend-cpu` as `@sst/tensor` sees it. */
import { type Backend, type Capabilities, defineBackend, SstError } from "@sst/tensor";
import { CpuEngine } from "./engine.js";
import { compilePlan } from "./plan/program.js";
import { type CpuRuntime, createRuntime } from "./runtime.js";
import { availableThreads } from "./threads.js";

export interface CpuOptions {
  /**
   * Threads that share the work, the calling one included. Defaults to one for each core, and in Node to what the
   * environment variable `SST_THREADS` says. Where memory cannot be shared (a page that is not isolated from other
   * origins) it is one, whatever was asked for.
   */
  readonly threads?: number;
}

/**
 * Runs everywhere: on WebAssembly where it has SIMD, on plain JavaScript elsewhere. To choose the number of threads:
 * `registerBackend(createCpuBackend({ threads: 2 }), { replace: true })`.
 *
 * @throws SstError `invalid-argument` for a number of threads that is no whole number of at least 1
 */
export function createCpuBackend(options: CpuOptions = {}): Backend {
  if (options.threads !== undefined) requireThreads("threads", options.threads);
  return defineBackend<CpuRuntime>({
    contractVersion: 3,
    name: "cpu",
    priority: 10,
    isAvailable: async () => ({ available: true }),
    initialize: () => createRuntime(threadsFor(options)),
    capabilities: ({ core }) => capabilitiesOf(core),
    kernels: ({ ownKernels }) => ownKernels,
    compile: ({ engine }, plan) => (engine instanceof CpuEngine ? compilePlan(engine, plan) : undefined),
    dispose: ({ engine }) => engine.dispose(),
  });
}

function capabilitiesOf(core: CpuRuntime["core"]): Capabilities {
  const dataTypes = ["float32", "int32", "bool"] as const;
  if (core === undefined) {
    return { description: "plain JavaScript (no WebAssembly with SIMD here)", dataTypes, features: [], limits: {} };
  }
  const threads = core.threads === 1 ? "one thread" : `${core.threads} threads`;
  return {
    description: `WebAssembly with ${core.isRelaxed ? "relaxed " : ""}SIMD, ${threads}`,
    dataTypes,
    features: [
      "webassembly",
      "simd",
      ...(core.isRelaxed ? ["relaxed-simd"] : []),
      ...(core.threads > 1 ? ["threads"] : []),
    ],
    // The address space of 32-bit WebAssembly.
    limits: { heapBytes: 2 ** 32, threads: core.threads },
  };
}

function threadsFor({ threads }: CpuOptions): number {
  const available = availableThreads();
  if (available === 1) return 1;
  const wanted = typeof process === "object" ? process.env?.SST_THREADS : undefined;
  if (threads !== undefined) return threads;
  if (wanted === undefined || wanted === "") return available;
  requireThreads("SST_THREADS", Number(wanted));
  return Number(wanted);
}

function requireThreads(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= 256) return;
  throw new SstError("invalid-argument", `${name} should be a whole number from 1 to 256, but is ${value}`);
}
