/**
 * Rows that are at different positions, and at different iterations of these, one iteration further in one pass: what decodes many
 * texts at once (ours). A row that has nothing to do in a pass takes part in it, and nothing of it changes. Rows do not see each other,
 * so each gets what it would get alone, up to the rounding of products of more rows.
 */
import { compile, reshape, SstError, type Tensor, tensor, tidy } from "@sst/tensor";
import { cacheSlots } from "../caches/kv-cache.js";
import type { CachedTensors, DecodePlan } from "../decode-plans.js";
import type { DecodeCaches } from "../decode-step.js";
import { runStack } from "../decoder-stack.js";
import { embed, head } from "../forward.js";
import { planForward } from "../forward-options.js";
import { recirculated } from "../state-stream/recirculation.js";
import type { ModelWeights } from "../weights.js";
import { RowMemory } from "./row-memory.js";
import { emptyRows, readRow, writeRow } from "./row-tensors.js";

export interface RowBatchOptions {
  /** Texts that it has room for. */
  readonly rows: number;
  /** Positions that each of them can hold. */
  readonly capacity: number;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
}

interface Row {
  /** Positions that were read. */
  length: number;
  /** Whether one of them left states. */
  hasState: boolean;
  /** That the position behind them has had. */
  iterations: number;
}

export class RowBatch implements Disposable {
  readonly #rows: (Row | undefined)[];
  readonly #isStreamOff: boolean;
  readonly #key: string;
  #plan: DecodePlan | undefined;
  /** While no plan has them. */
  #tensors: Record<string, Tensor> | undefined;
  #isDisposed = false;

  constructor(
    private readonly weights: ModelWeights,
    private readonly options: RowBatchOptions,
  ) {
    const { capacity, rows, streamOff = false } = options;
    this.#isStreamOff = planForward(weights.config, { streamOff }).solver === "off";
    this.#rows = Array.from({ length: rows }, () => undefined);
    this.#key = ["rows", rows, capacity, this.#isStreamOff].join("/");
    this.#tensors = emptyRows(weights.config, { rows, capacity, hasStream: !this.#isStreamOff });
  }

  get rows(): number {
    return this.options.rows;
  }

  get capacity(): number {
    return this.options.capacity;
  }

  /** A row that nobody has; undefined where there is none. */
  get freeRow(): number | undefined {
    const row = this.#rows.indexOf(undefined);
    return row < 0 ? undefined : row;
  }

  /**
   * Copies a text's caches into a row, which then stands where they do. They stay as they are.
   *
   * @param caches of one text, for no more positions than a row
   * @throws SstError `contradiction` for a row that is taken, or caches that do not fit, or are borrowed
   */
  join(row: number, { kv, states }: DecodeCaches): void {
    if (this.#rows[row] !== undefined) throw new SstError("contradiction", `row ${row} is taken`);
    if (kv.batchSize !== 1 || kv.capacity > this.capacity) {
      throw new SstError(
        "contradiction",
        `caches of ${kv.batchSize} texts with a capacity of ${kv.capacity} do not fit a row, ` +
          `which holds one of ${this.capacity}`,
      );
    }
    this.#change((tensors) => {
      for (const [layer] of this.weights.layers.entries()) {
        const count = Math.min(kv.length, cacheSlots(this.weights.config, layer, kv.capacity));
        if (count > 0) {
          replace(tensors, `keys${layer}`, (all) => writeRow(all, row, readRow(kv.keys(layer), 0, count)));
          replace(tensors, `values${layer}`, (all) => writeRow(all, row, readRow(kv.values(layer), 0, count)));
        }
        if (!this.#isStreamOff) replace(tensors, `state${layer}`, (all) => writeRow(all, row, states.state(layer)));
      }
    });
    this.#rows[row] = { length: kv.length, hasState: states.isFilled, iterations: 0 };
  }

  /**
   * Copies a row back into its text's caches, which then stand where the row does. A position that does not count yet leaves
   * nothing. The row is free afterwards.
   *
   * @param caches that it joined with, or others of one text and as many slots
   */
  leave(row: number, { kv, states }: DecodeCaches): void {
    const { length, hasState, iterations } = this.#at(row);
    this.#change((tensors) => {
      for (const [layer] of this.weights.layers.entries()) {
        const count = Math.min(length, cacheSlots(this.weights.config, layer, kv.capacity));
        const part = (name: string, size: number) => readRow(tensors[name] as Tensor, row, size);
        if (count > 0) kv.writeSlots(layer, part(`keys${layer}`, count), part(`values${layer}`, count));
        if (this.#isStreamOff || !hasState) continue;
        const name = iterations > 0 ? `settled${layer}` : `state${layer}`;
        states.write(layer, reshape(part(name, 1), [1, -1]));
      }
    });
    kv.advance(length - kv.length);
    if (hasState) states.fill();
    this.#rows[row] = undefined;
  }

  /** Frees a row whose text is not wanted. */
  drop(row: number): void {
    this.#rows[row] = undefined;
  }

  /** Positions that a row has read. */
  lengthOf(row: number): number {
    return this.#at(row).length;
  }

  /**
   * One more iteration at the position behind those that a row has read: the first one of it, until `settle` counts it.
   *
   * @param tokens of the rows that have something to do, the same in each iteration of a position
   * @returns logits `[rows, 1, vocabSize]`, of which those of the other rows say nothing; the caller's
   * @throws SstError `context-overflow`, `contradiction` for a row that nobody has, or a second iteration without a stream
   */
  iterate(tokens: ReadonlyMap<number, number>): Tensor {
    if (this.#isDisposed) throw new SstError("disposed", "the batch was disposed of");
    for (const row of tokens.keys()) this.#requireIteration(row);
    const inputs = this.#inputs(tokens);
    const logits = this.#run(inputs);
    for (const input of Object.values(inputs)) input.dispose();
    for (const row of tokens.keys()) this.#at(row).iterations++;
    return logits;
  }

  /** Counts the position that a row is at as read. */
  settle(row: number): void {
    const own = this.#at(row);
    own.length++;
    own.iterations = 0;
    own.hasState = !this.#isStreamOff;
  }

  /** The latent state that a row has in a layer, `[1, hiddenSize]`: the caller's. */
  state(row: number, layer: number): Tensor {
    const tensors = this.#tensors ?? (this.#plan as DecodePlan).carried();
    return tidy(() => reshape(readRow(tensors[`state${layer}`] as Tensor, row, 1), [1, -1]));
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    const tensors = this.#tensors ?? (this.#plan as DecodePlan).release();
    for (const each of Object.values(tensors)) each.dispose();
    if (this.#plan) this.weights.plans.giveBack(this.#key, this.#plan);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #at(row: number): Row {
    const own = this.#rows[row];
    if (own === undefined) throw new SstError("contradiction", `nobody has row ${row}: let a text join first`);
    return own;
  }

  #requireIteration(row: number): void {
    const { length, iterations } = this.#at(row);
    if (length >= this.capacity) {
      throw new SstError("context-overflow", `row ${row} has read ${length} positions, as many as it holds`);
    }
    if (iterations > 0 && this.#isStreamOff) {
      throw new SstError(
        "contradiction",
        "iterations carry the state stream on: they need a model with one, switched on",
      );
    }
  }

  #inputs(tokens: ReadonlyMap<number, number>): Record<string, Tensor> {
    const { rows } = this.options;
    const [given, ahead, begins] = Array.from({ length: 3 }, () => new Int32Array(rows)) as [
      Int32Array,
      Int32Array,
      Int32Array,
    ];
    const [precedes, goesOn] = [new Float32Array(rows), new Float32Array(rows)];
    ahead.fill(-1);
    begins.fill(-1);
    for (const [row, token] of tokens) {
      const { length, hasState, iterations } = this.#at(row);
      given[row] = token;
      ahead[row] = length;
      if (iterations === 0) begins[row] = length;
      else goesOn[row] = 1;
      if (hasState || iterations > 0) precedes[row] = 1;
    }
    const column = [rows, 1];
    return {
      tokens: tensor(given, column, "int32"),
      ahead: tensor(ahead, [rows], "int32"),
      ...(!this.#isStreamOff && {
        begins: tensor(begins, [rows], "int32"),
        precedes: tensor(precedes, column),
        ...(this.weights.recirculation && { goesOn: tensor(goesOn, column) }),
      }),
    };
  }

  #run(inputs: Record<string, Tensor>): Tensor {
    if (this.#plan === undefined) return this.#begin(inputs);
    return this.#plan.run(inputs).logits;
  }

  /** The first run: of a plan that is there, or the recording of one. */
  #begin(inputs: Record<string, Tensor>): Tensor {
    const tensors = this.#tensors as Record<string, Tensor>;
    const known = this.weights.plans.take(this.#key);
    if (known !== undefined) {
      try {
        known.takeOver(tensors);
      } catch (error) {
        known.dispose();
        throw error;
      }
      this.#plan = known;
      this.#tensors = undefined;
      return known.run(inputs).logits;
    }
    const names = Object.keys(tensors);
    const plan = compile<string, string, string>(
      (all) => this.#pass(all, names),
      { ...inputs, ...tensors },
      {
        carries: names,
      },
    ) as unknown as DecodePlan;
    this.#plan = plan;
    this.#tensors = undefined;
    return plan.first.logits;
  }

  #pass(all: CachedTensors, names: readonly string[]): Record<string, Tensor> {
    const { weights } = this;
    const input = (name: string) => all[name] as Tensor;
    const carried = Object.fromEntries(names.map((name) => [name, input(name)]));
    const ahead = input("ahead");
    const memory = new RowMemory(carried, { ahead, begins: all.begins ?? ahead });
    const embedded = embed(weights, input("tokens"));
    const { recirculation } = weights;
    let x = embedded;
    if (all.goesOn && recirculation) {
      const before = memory.topBefore();
      x = recirculated(embedded, before, weights, recirculation, all.goesOn);
      before.dispose();
    }
    const top = runStack(x, {
      weights,
      plan: planForward(weights.config, { streamOff: this.#isStreamOff }),
      chunk: { time: 1, offset: 0, iterations: 1, ahead },
      rotary: weights.constants.rotary(this.capacity),
      memory,
      ...(all.precedes && { precedes: all.precedes }),
      place: { start: 0, firstIteration: 1 },
      keepsKeys: true,
      leavesStates: !this.#isStreamOff,
      options: {},
    });
    memory.leaveTop(top);
    return { logits: head(top, weights), ...memory.left };
  }

  /** Changes what the rows hold, between two runs. */
  #change(change: (tensors: Record<string, Tensor>) => void): void {
    const plan = this.#plan;
    const tensors = this.#tensors ?? { ...(plan as DecodePlan).release() };
    try {
      tidy(() => change(tensors));
    } finally {
      if (this.#tensors === undefined) (plan as DecodePlan).takeOver(tensors);
    }
  }
}

function replace(tensors: Record<string, Tensor>, name: string, by: (before: Tensor) => Tensor): void {
  tensors[name] = by(tensors[name] as Tensor);
}
