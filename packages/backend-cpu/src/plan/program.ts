/** A plan as one call into WebAssembly: all its steps lie in memory, on buffers that stay where they are. */
import { type Plan, type PlanProgram, SstError } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { floatBits } from "../core.js";
import type { CpuEngine } from "../engine.js";
import { roundUp } from "../heap.js";
import { copyWords, type EncodedPlan, encodePlan, type Places } from "./encode.js";
import { type Layout, layOut, valueBytes } from "./layout.js";

/** @returns undefined for a plan with a call that is not compiled here */
export function compilePlan(engine: CpuEngine, plan: Plan): PlanProgram | undefined {
  const { values } = plan;
  // Only what lies in memory as 32-bit elements is copied in and out.
  const crossing = [...Object.values(plan.inputs), ...Object.values(plan.outputs)];
  if (crossing.some((value) => values[value]?.dtype === "bool")) return undefined;
  let scratchBytes = 0;
  const sizing: Places = {
    core: engine.core,
    addressOf: () => 0,
    scratch: (bytes) => {
      scratchBytes = Math.max(scratchBytes, bytes);
      return 0;
    },
  };
  return encodePlan(plan, sizing) && new Program(engine, plan, scratchBytes);
}

/** Bytes by which buffers are moved to find the words that are their addresses: the first by one of these, the second by two. */
const MOVE = 64;

interface Copy {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
}

class Program implements PlanProgram {
  readonly #layout: Layout;
  /** Buffers of what is carried into a run, by name. */
  readonly #carriedBuffers: ReadonlyMap<number, string>;
  /** Offsets in the plans' memory: the layout's block comes first. */
  readonly #stashOffset: number;
  readonly #scratchOffset: number;
  readonly #bytes: number;
  /** Where what is carried lies, by buffer. */
  #carried: ReadonlyMap<number, number> = new Map();
  /** The words that say so, by buffer: known once something has moved. */
  #carriedWords: ReadonlyMap<number, readonly number[]> | undefined;
  /** Where the plans' memory was when the steps were written. */
  #memory = -1;
  #inputs: Copy[] = [];
  #outputs: (Copy & { readonly shape: number[]; readonly dtype: TensorInfo["dtype"] })[] = [];
  #steps = { address: 0, end: 0 };
  /** Words of the heap that follow each variable. */
  #variables: { readonly name: string; readonly isReal: boolean; readonly indices: readonly number[] }[] = [];
  readonly #results: Record<string, TensorInfo> = {};

  constructor(
    private readonly engine: CpuEngine,
    private readonly plan: Plan,
    scratchBytes: number,
  ) {
    const { values, carries } = plan;
    this.#carriedBuffers = new Map(Object.entries(carries).map(([name, { input }]) => [this.#bufferOf(input), name]));
    const constants = new Set(values.filter(({ constant }) => constant).map(({ buffer }) => buffer));
    const lasting = [...Object.values(plan.outputs), ...Object.values(carries).map(({ output }) => output)];
    this.#layout = layOut(plan, lasting, (buffer) => constants.has(buffer) || this.#carriedBuffers.has(buffer));
    this.#stashOffset = this.#layout.bytes;
    this.#scratchOffset = roundUp(this.#stashOffset + lasting.reduce((sum, value) => sum + this.#bytesOf(value), 0));
    this.#bytes = this.#scratchOffset + scratchBytes;
  }

  bind(carried: Readonly<Record<string, TensorInfo>>): void {
    const before = this.#carried;
    this.#carried = new Map(
      [...this.#carriedBuffers].map(([buffer, name]) => [
        buffer,
        this.engine.address((carried[name] as TensorInfo).dataId),
      ]),
    );
    if (this.#memory >= 0) this.#readdress(before);
  }

  run(
    inputs: Readonly<Record<string, TensorInfo>>,
    variables: Readonly<Record<string, number>>,
  ): Readonly<Record<string, TensorInfo>> {
    const { core } = this.engine;
    core.planMemory.reserve(this.#bytes);
    if (this.#memory !== core.planMemory.address) this.#writeSteps();
    const { bytes: heap, words } = core.heap;
    for (const { name, address, bytes } of this.#inputs) {
      const from = this.engine.address((inputs[name] as TensorInfo).dataId);
      heap.copyWithin(address, from, from + bytes);
    }
    for (const { name, isReal, indices } of this.#variables) {
      const value = variables[name] as number;
      const word = isReal ? floatBits(value) : value;
      for (const index of indices) words[index] = word;
    }
    core.run(this.#steps.address, this.#steps.end);
    for (const { name, address, bytes, shape, dtype } of this.#outputs) {
      const output = this.engine.allocate(shape, dtype);
      // The memory may just have grown: its view is not the one from before.
      core.heap.bytes.copyWithin(this.engine.address(output.dataId), address, address + bytes);
      this.#results[name] = output;
    }
    return this.#results;
  }

  dispose(): void {
    if (this.#steps.address > 0) this.engine.core.heap.free(this.#steps.address);
  }

  /** Writes all steps down for where everything lies now. */
  #writeSteps(): void {
    const { engine, plan } = this;
    const memory = engine.core.planMemory.address;
    const addressOf = this.#addresses(memory, this.#carried);
    const { words, followers } = this.#encode(memory, addressOf);
    this.#inputs = Object.entries(plan.inputs).map(([name, value]) => ({
      name,
      address: addressOf(value),
      bytes: this.#bytesOf(value),
    }));
    this.#place(words);
    const first = this.#steps.address / 4;
    this.#variables = followers.map(({ variable, isReal, indices }) => ({
      name: variable,
      isReal,
      indices: indices.map((index) => first + index),
    }));
    this.#memory = memory;
  }

  /** Sets the words that are addresses of what is carried, which lies elsewhere than before. */
  #readdress(before: ReadonlyMap<number, number>): void {
    const { words } = this.engine.core.heap;
    const first = this.#steps.address / 4;
    for (const [buffer, address] of this.#carried) {
      const distance = address - (before.get(buffer) as number);
      if (distance === 0) continue;
      this.#carriedWords ??= this.#findCarriedWords(before);
      for (const index of this.#carriedWords.get(buffer) ?? [])
        words[first + index] = (words[first + index] as number) + distance;
    }
  }

  /** An address is found by writing everything down twice, with each carried buffer moved by a distance of its own. */
  #findCarriedWords(places: ReadonlyMap<number, number>): Map<number, number[]> {
    const buffers = [...places.keys()];
    const moved = new Map([...places].map(([buffer, address], index) => [buffer, address + (index + 1) * MOVE]));
    const encode = (each: ReadonlyMap<number, number>) =>
      this.#encode(this.#memory, this.#addresses(this.#memory, each)).words;
    const [here, there] = [encode(places), encode(moved)];
    const found = new Map<number, number[]>(buffers.map((buffer) => [buffer, []]));
    here.forEach((word, index) => {
      const distance = (there[index] as number) - word;
      if (distance === 0) return;
      const indices = found.get(buffers[distance / MOVE - 1] as number);
      if (indices === undefined) throw new SstError("backend-failed", "a step computes with an address in its own way");
      indices.push(index);
    });
    return found;
  }

  #encode(memory: number, addressOf: (value: number) => number): EncodedPlan {
    const scratch = memory + this.#scratchOffset;
    const places = { core: this.engine.core, addressOf, scratch: () => scratch };
    const { words, followers } = encodePlan(this.plan, places) as EncodedPlan;
    return { words: [...words, ...this.#endOfRun(addressOf, memory + this.#stashOffset)], followers };
  }

  #addresses(memory: number, carried: ReadonlyMap<number, number>): (value: number) => number {
    const addresses = new Map(carried);
    for (const { buffer, constant } of this.plan.values) {
      if (constant) addresses.set(buffer, this.engine.address(constant.dataId));
    }
    for (const [buffer, offset] of this.#layout.offsets) addresses.set(buffer, memory + offset);
    return (value) => addresses.get(this.#bufferOf(value)) as number;
  }

  /**
   * What is left for the next run is put where that starts from, all of it as if at once: what lies in memory that is
   * written over by this, and is needed elsewhere, goes to the stash first.
   */
  #endOfRun(addressOf: (value: number) => number, stash: number): number[] {
    const { plan } = this;
    const stashing: number[] = [];
    const replacing: number[] = [];
    let next = stash;
    const outOfTheWay = (value: number): number => {
      if (!this.#carriedBuffers.has(this.#bufferOf(value))) return addressOf(value);
      const address = next;
      stashing.push(...copyWords(addressOf(value), address, this.#bytesOf(value)));
      next += this.#bytesOf(value);
      return address;
    };
    for (const { input, output } of Object.values(plan.carries)) {
      if (this.#bufferOf(input) === this.#bufferOf(output)) continue;
      replacing.push(...copyWords(outOfTheWay(output), addressOf(input), this.#bytesOf(input)));
    }
    this.#outputs = Object.entries(plan.outputs).map(([name, value]) => {
      const { shape, dtype } = plan.values[value] as Plan["values"][number];
      const bytes = this.#bytesOf(value);
      return { name, address: outOfTheWay(value), bytes, shape: [...shape], dtype: dtype as TensorInfo["dtype"] };
    });
    return [...stashing, ...replacing];
  }

  #place(words: readonly number[]): void {
    const { heap } = this.engine.core;
    if (this.#steps.address > 0) heap.free(this.#steps.address);
    const address = heap.allocate(words.length * 4);
    heap.words.set(words, address / 4);
    this.#steps = { address, end: address + words.length * 4 };
  }

  #bufferOf(value: number): number {
    return (this.plan.values[value] as Plan["values"][number]).buffer;
  }

  #bytesOf(value: number): number {
    return valueBytes(this.plan.values[value] as Plan["values"][number]);
  }
}
