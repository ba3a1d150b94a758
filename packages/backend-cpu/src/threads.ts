/** Threads that help with kernels: workers of Node or of the browser, all on the one memory. */
import type { Heap } from "./heap.js";

/** Addresses of control words, in `assembly/threads.ts`, as indices of words. */
const GENERATION = 64 / 4;
const THREADS = 384 / 4;
const CAN_SLEEP = 388 / 4;
const AREAS = 392 / 4;
const AREA_BYTES = 396 / 4;
const FAILED = 400 / 4;
const STOPPED = 404 / 4;
const HELPED = 448 / 4;

/** What a helping thread runs; a string, so that no bundler has to find a second file. */
const helperSource = `
function help({ module, memory, index }) {
  try {
    new WebAssembly.Instance(module, { env: { memory } }).exports.help(index);
  } catch (error) {
    Atomics.store(new Int32Array(memory.buffer), ${FAILED}, 1);
    throw error;
  }
}
if (typeof onmessage === "undefined") help(require("node:worker_threads").workerData);
else onmessage = ({ data }) => help(data);
`;

/** How many threads may work here, the calling one included: 1 where memory cannot be shared. */
export function availableThreads(): number {
  if (!canShare()) return 1;
  const cores = globalThis.navigator?.hardwareConcurrency ?? nodeBuiltin("node:os")?.availableParallelism() ?? 1;
  return Math.max(1, cores);
}

/** Node always can; a browser's page only where it is isolated from other origins. */
function canShare(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  return isNode() || (typeof Worker !== "undefined" && globalThis.crossOriginIsolated === true);
}

/** Starts the helpers. They sleep while there is nothing to do and do not keep the process alive. */
export function startThreads(heap: Heap, module: WebAssembly.Module, count: number): void {
  Atomics.store(heap.words, THREADS, count);
  // A browser forbids its main thread to wait.
  Atomics.store(heap.words, CAN_SLEEP, isNode() || typeof document === "undefined" ? 1 : 0);
  for (let index = 1; index < count; index++) startHelper({ module, memory: heap.memory, index });
}

export function stopThreads(heap: Heap): void {
  Atomics.store(heap.words, STOPPED, 1);
  Atomics.add(heap.words, GENERATION, 1);
  Atomics.notify(heap.words, GENERATION);
}

/** Pieces of work that helping threads have done so far. */
export function helpedPieces(heap: Heap): number {
  return Atomics.load(heap.words, HELPED);
}

/** Gives every thread a work area of its own. */
export function setWorkAreas(heap: Heap, address: number, bytesPerThread: number): void {
  Atomics.store(heap.words, AREAS, address | 0);
  Atomics.store(heap.words, AREA_BYTES, bytesPerThread);
}

function startHelper(data: { module: WebAssembly.Module; memory: WebAssembly.Memory; index: number }): void {
  const threads = nodeBuiltin("node:worker_threads");
  if (threads) {
    new threads.Worker(helperSource, { eval: true, workerData: data }).unref();
    return;
  }
  const url = URL.createObjectURL(new Blob([helperSource], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.postMessage(data);
  URL.revokeObjectURL(url);
}

function isNode(): boolean {
  return typeof process === "object" && typeof process.versions?.node === "string";
}

/** A module of Node, without an import that a browser's bundler would follow. */
function nodeBuiltin<Name extends "node:os" | "node:worker_threads">(
  name: Name,
):
  | { "node:os": typeof import("node:os"); "node:worker_threads": typeof import("node:worker_threads") }[Name]
  | undefined {
  return isNode() ? (process.getBuiltinModule(name) as never) : undefined;
}
