/** The compiled module on its memory: runs steps, and keeps the room that they work in. */
import { kernelModules } from "./generated/kernels-wasm.js";
import { Heap } from "./heap.js";
import type { Operation } from "./operation.js";
import { setWorkAreas, startThreads, stopThreads } from "./threads.js";

/** Where a single step's words lie while it runs. */
const STEP_ADDRESS = 512;

interface Exports {
  run(first: number, end: number): void;
  help(index: number): void;
  attentionAreaBytes(
    pastLength: number,
    time: number,
    heads: number,
    headDim: number,
    iterations: number,
    window: number,
    isUneven: number,
  ): number;
  attentionGradientAreaBytes(time: number, headDim: number, iterations: number): number;
  matMulAreaBytes(depth: number): number;
  matMulScratchBytes(rows: number, depth: number): number;
  quantizedAreaBytes(depth: number): number;
  quantizedScratchBytes(rows: number, depth: number, bits: number, activationBits: number): number;
  recurrenceAreaBytes(batch: number, hidden: number, wide: number): number;
  recurrenceGradientAreaBytes(batch: number, time: number, hidden: number, wide: number): number;
  recurrenceGradientScratchBytes(batch: number, time: number, hidden: number, wide: number, hasOutNorm: 0 | 1): number;
  recurrenceScratchBytes(batch: number, time: number, hidden: number, wide: number): number;
}

export interface Core {
  readonly heap: Heap;
  readonly exports: Exports;
  readonly threads: number;
  /** Whether the engine of this machine has relaxed SIMD. */
  readonly isRelaxed: boolean;
  /** Runs one operation at once. Arguments are words: addresses, sizes, and the bits of floats (`floatBits`). */
  execute(operation: Operation, words: readonly number[]): void;
  /** Runs steps that lie in memory. */
  run(first: number, end: number): void;
  /** Room that all threads share, good until the next call. It grows to the largest that was asked for. */
  scratch(bytes: number): number;
  /** Room for the buffers of plans, which run one at a time: it may move when it grows, which `address` tells. */
  readonly planMemory: PlanMemory;
  /** Makes every thread's own work area at least so large. */
  reserveAreas(bytesPerThread: number): void;
  dispose(): void;
}

/** Memory that all plans share: nothing in it outlives a run. */
export interface PlanMemory {
  readonly address: number;
  reserve(bytes: number): void;
}

/** @returns undefined where the engine of this machine has no SIMD */
export async function createCore(threads: number): Promise<Core | undefined> {
  const isShared = threads > 1;
  const found = await compileModule(isShared);
  if (found === undefined) return undefined;
  const heap = new Heap(isShared);
  const { exports } = await WebAssembly.instantiate(found.module, { env: { memory: heap.memory } });
  startThreads(heap, found.module, threads);
  return createOn(heap, exports as unknown as Exports, threads, found.isRelaxed);
}

function createOn(heap: Heap, exports: Exports, threads: number, isRelaxed: boolean): Core {
  let scratch = { address: 0, bytes: 0 };
  let areas = { address: 0, bytes: 0 };
  let plans = { address: 0, bytes: 0 };
  return {
    heap,
    exports,
    threads,
    isRelaxed,
    execute: (operation, args) => {
      const end = writeStep(heap, STEP_ADDRESS, operation, args);
      exports.run(STEP_ADDRESS, end);
    },
    run: (first, end) => exports.run(first, end),
    scratch: (bytes) => {
      if (bytes > scratch.bytes) {
        if (scratch.bytes > 0) heap.free(scratch.address);
        scratch = { address: heap.allocate(bytes), bytes };
      }
      return scratch.address;
    },
    reserveAreas: (bytes) => {
      if (bytes <= areas.bytes) return;
      if (areas.bytes > 0) heap.free(areas.address);
      // On cache lines of their own: threads that write side by side would wait for each other.
      const rounded = Math.ceil(bytes / 128) * 128;
      areas = { address: heap.allocate(rounded * threads), bytes: rounded };
      setWorkAreas(heap, areas.address, rounded);
    },
    planMemory: {
      get address() {
        return plans.address;
      },
      reserve: (bytes) => {
        if (bytes <= plans.bytes) return;
        if (plans.bytes > 0) heap.free(plans.address);
        plans = { address: heap.allocate(bytes), bytes };
      },
    },
    dispose: () => stopThreads(heap),
  };
}

/** Writes a step and returns the address behind it. */
function writeStep(heap: Heap, address: number, operation: Operation, args: readonly number[]): number {
  const { words } = heap;
  const first = address / 4;
  words[first] = operation;
  words[first + 1] = args.length + 2;
  for (let index = 0; index < args.length; index++) words[first + 2 + index] = args[index] as number;
  return address + (args.length + 2) * 4;
}

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

/** The word that holds a number as a 32-bit float. */
export function floatBits(value: number): number {
  float[0] = value;
  return bits[0] as number;
}

async function compileModule(isShared: boolean) {
  for (const [name, { base64, sharedFlag }] of Object.entries(kernelModules)) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    // 3: shared, with a maximum. 1: with a maximum.
    bytes[sharedFlag] = isShared ? 3 : 1;
    if (!WebAssembly.validate(bytes)) continue;
    return { module: await WebAssembly.compile(bytes), isRelaxed: name === "relaxed" };
  }
  return undefined;
}
