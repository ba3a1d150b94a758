/** A plan as one call into WebAssembly: all its steps lie in memory, on buffers that stay where they are. */
import type { Plan, PlanProgram } from "@sst/tensor";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { CpuEngine } from "../engine.js";
import { copyWords, encodePlan, type Places } from "./encode.js";
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

interface Copy {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
}

class Program implements PlanProgram {
  readonly #layout: Layout;
  /** Buffers of what is carried into a run, by name. */
  readonly #carriedBuffers: ReadonlyMap<number, string>;
  readonly #block: number;
  readonly #scratch: number;
  readonly #stash: number;
  readonly #inputs: Copy[];
  #outputs: (Copy & { readonly shape: number[]; readonly dtype: TensorInfo["dtype"] })[] = [];
  #steps = { address: 0, end: 0 };
  /** Indices into the heap's words of what follows each variable. */
  #variables: [name: string, indices: readonly number[]][] = [];
  readonly #results: Record<string, TensorInfo> = {};

  constructor(
    private readonly engine: CpuEngine,
    private readonly plan: Plan,
    scratchBytes: number,
  ) {
    const { heap } = engine.core;
    const { values, carries } = plan;
    this.#carriedBuffers = new Map(
      Object.entries(carries).map(([name, { input }]) => [(values[input] as (typeof values)[number]).buffer, name]),
    );
    const constants = new Set(values.filter(({ constant }) => constant).map(({ buffer }) => buffer));
    const lasting = [...Object.values(plan.outputs), ...Object.values(carries).map(({ output }) => output)];
    this.#layout = layOut(plan, lasting, (buffer) => constants.has(buffer) || this.#carriedBuffers.has(buffer));
    this.#block = heap.allocate(this.#layout.bytes);
    this.#scratch = heap.allocate(scratchBytes);
    this.#stash = heap.allocate(lasting.reduce((total, value) => total + this.#bytes(value), 0));
    this.#inputs = Object.entries(plan.inputs).map(([name, value]) => ({
      name,
      address: this.#block + (this.#layout.offsets.get(this.#bufferOf(value)) as number),
      bytes: this.#bytes(value),
    }));
  }

  bind(carried: Readonly<Record<string, TensorInfo>>): void {
    const { engine, plan } = this;
    const addresses = new Map<number, number>();
    for (const { buffer, constant } of plan.values) {
      if (constant) addresses.set(buffer, engine.address(constant.dataId));
    }
    for (const [buffer, name] of this.#carriedBuffers) {
      addresses.set(buffer, engine.address((carried[name] as TensorInfo).dataId));
    }
    for (const [buffer, offset] of this.#layout.offsets) addresses.set(buffer, this.#block + offset);
    const addressOf = (value: number) => addresses.get(this.#bufferOf(value)) as number;
    const encoded = encodePlan(plan, { core: engine.core, addressOf, scratch: () => this.#scratch });
    const { words, variables } = encoded as NonNullable<typeof encoded>;
    this.#place([...words, ...this.#endOfRun(addressOf)]);
    const first = this.#steps.address / 4;
    this.#variables = [...variables].map(([name, indices]) => [name, indices.map((index) => first + index)]);
  }

  run(
    inputs: Readonly<Record<string, TensorInfo>>,
    variables: Readonly<Record<string, number>>,
  ): Readonly<Record<string, TensorInfo>> {
    const { core } = this.engine;
    for (const { name, address, bytes } of this.#inputs) {
      const from = this.engine.address((inputs[name] as TensorInfo).dataId);
      core.heap.bytes.copyWithin(address, from, from + bytes);
    }
    const { words } = core.heap;
    for (const [name, indices] of this.#variables) {
      for (const index of indices) words[index] = variables[name] as number;
    }
    core.run(this.#steps.address, this.#steps.end);
    for (const { name, address, bytes, shape, dtype } of this.#outputs) {
      const output = this.engine.allocate(shape, dtype);
      core.heap.bytes.copyWithin(this.engine.address(output.dataId), address, address + bytes);
      this.#results[name] = output;
    }
    return this.#results;
  }

  dispose(): void {
    const { heap } = this.engine.core;
    for (const address of [this.#block, this.#scratch, this.#stash]) heap.free(address);
    if (this.#steps.address > 0) heap.free(this.#steps.address);
  }

  /**
   * What is left for the next run is put where that starts from, all of it as if at once: what lies in memory that is
   * written over by this, and is needed elsewhere, goes to the stash first.
   */
  #endOfRun(addressOf: (value: number) => number): number[] {
    const { plan } = this;
    const stashing: number[] = [];
    const replacing: number[] = [];
    let stash = this.#stash;
    const outOfTheWay = (value: number): number => {
      if (!this.#carriedBuffers.has(this.#bufferOf(value))) return addressOf(value);
      const address = stash;
      stashing.push(...copyWords(addressOf(value), address, this.#bytes(value)));
      stash += this.#bytes(value);
      return address;
    };
    for (const { input, output } of Object.values(plan.carries)) {
      if (this.#bufferOf(input) === this.#bufferOf(output)) continue;
      replacing.push(...copyWords(outOfTheWay(output), addressOf(input), this.#bytes(input)));
    }
    this.#outputs = Object.entries(plan.outputs).map(([name, value]) => {
      const { shape, dtype } = plan.values[value] as Plan["values"][number];
      const bytes = this.#bytes(value);
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

  #bytes(value: number): number {
    return valueBytes(this.plan.values[value] as Plan["values"][number]);
  }
}
