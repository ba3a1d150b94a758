/**
 * Rows that are at different positions, and at different iterations of these, one iteration further in one pass: what decodes many
 * texts at once (ours). A row that has nothing to do in a pass takes part in it, and nothing of it changes. Rows do not see each other,
 * so each gets what it would get alone, up to the rounding of products of more rows.
 */
import { reshape, SstError, type Tensor, tensor, tidy } from "@sst/tensor";
import { cacheSlots } from "../caches/kv-cache.js";
import type { DecodeCaches } from "../decode-step.js";
import { planForward } from "../forward-options.js";
import { requireCount } from "../require-count.js";
import { requireKnownTokens } from "../tokens.js";
import type { ModelWeights } from "../weights.js";
import { borrowed, giveBack } from "./borrowed-caches.js";
import { RowPlans } from "./row-plans.js";
import { readRow, writeRow } from "./row-tensors.js";

export interface RowBatchOptions {
  /** Texts that it has room for. */
  readonly rows: number;
  /** Positions that each of them can hold. */
  readonly capacity: number;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
}

export interface RowsIterated {
  /** What the iteration left at the top of the model, `[rows, 1, hiddenSize]`. */
  readonly top: Tensor;
  /** `[rows, 1, vocabSize]`. */
  readonly logits: Tensor | undefined;
}

interface Row {
  /** Positions that were read. */
  length: number;
  /** That the position behind them has had. */
  iterations: number;
}

export class RowBatch implements Disposable {
  readonly #rows: (Row | undefined)[];
  readonly #isStreamOff: boolean;
  readonly #plans: RowPlans;
  #isDisposed = false;

  /**
   * @param caches of one text, which have the only row until the batch is disposed of: see `borrowing`
   * @throws SstError `invalid-argument` for numbers of rows or positions that cannot be
   */
  constructor(
    private readonly weights: ModelWeights,
    private readonly options: RowBatchOptions,
    private readonly caches?: DecodeCaches,
  ) {
    const { capacity, rows, streamOff = false } = options;
    requireCount("rows", rows);
    requireCount("capacity", capacity);
    if (caches && (rows !== 1 || caches.kv.batchSize !== 1 || caches.kv.capacity !== capacity)) {
      throw new SstError("contradiction", "only a batch of one row as long as the caches of one text can borrow these");
    }
    this.#isStreamOff = planForward(weights.config, { streamOff }).solver === "off";
    const hasStream = !this.#isStreamOff;
    this.#rows = Array.from({ length: rows }, () => caches && rowOf(caches));
    this.#plans = new RowPlans(weights, { rows, capacity, hasStream }, caches && borrowed(caches, hasStream));
  }

  /**
   * A batch of one row, 0, that a text has already: its caches are borrowed, not copied, and stand where the row does when the batch is
   * disposed of.
   *
   * @throws SstError `contradiction` for caches of several texts, or that are borrowed already, `disposed`
   */
  static borrowing(
    weights: ModelWeights,
    caches: DecodeCaches,
    options: Pick<RowBatchOptions, "streamOff"> = {},
  ): RowBatch {
    return new RowBatch(weights, { ...options, rows: 1, capacity: caches.kv.capacity }, caches);
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
   * @throws SstError `contradiction` for a row that is taken or is not there, or caches that do not fit, or are borrowed; `disposed`
   */
  join(row: number, { kv, states }: DecodeCaches): void {
    this.#requireFree(row);
    if (kv.isDisposed) throw new SstError("disposed", "the caches were disposed of");
    if (kv.batchSize !== 1 || kv.capacity > this.capacity) {
      throw new SstError(
        "contradiction",
        `caches of ${kv.batchSize} texts with a capacity of ${kv.capacity} do not fit a row, ` +
          `which holds one of ${this.capacity}`,
      );
    }
    this.#plans.change((tensors) => {
      for (const [layer] of this.weights.layers.entries()) {
        const count = Math.min(kv.length, cacheSlots(this.weights.config, layer, kv.capacity));
        if (count > 0) {
          replace(tensors, `keys${layer}`, (all) => writeRow(all, row, readRow(kv.keys(layer), 0, count)));
          replace(tensors, `values${layer}`, (all) => writeRow(all, row, readRow(kv.values(layer), 0, count)));
        }
        if (!this.#isStreamOff) replace(tensors, `state${layer}`, (all) => writeRow(all, row, states.state(layer)));
      }
    });
    this.#rows[row] = rowOf({ kv, states });
  }

  /**
   * Moves another batch's row into one of this, with an iteration that it is at.
   *
   * @param from of the same model, and no text in it that does not fit a row here
   * @throws SstError as `join`
   */
  take(row: number, from: RowBatch, fromRow: number): void {
    this.#requireFree(row);
    const moved = from.#at(fromRow);
    const reached = moved.length + Math.min(moved.iterations, 1);
    if (reached > this.capacity || from.#isStreamOff !== this.#isStreamOff) {
      throw new SstError("contradiction", `a text of ${reached} positions does not fit a row of ${this.capacity}`);
    }
    this.#plans.change((tensors) => {
      for (const [name, source] of Object.entries(from.#plans.tensors)) {
        // Slots of keys and values; everything else is one vector, which has one.
        const slots = Math.min(source.shape[1] as number, (tensors[name] as Tensor).shape[1] as number);
        const count = Math.min(Math.max(reached, 1), slots);
        replace(tensors, name, (all) => writeRow(all, row, readRow(source, fromRow, count)));
      }
    });
    this.#rows[row] = { ...moved };
    from.drop(fromRow);
  }

  /**
   * Copies a row back into its text's caches, which then stand where the row does. A position that does not count yet leaves
   * nothing. The row is free afterwards.
   *
   * @param caches that it joined with, or others of one text that have room for it
   * @throws SstError `contradiction` for a row that nobody has, or caches that are borrowed, `context-overflow`, `disposed`
   */
  leave(row: number, { kv, states }: DecodeCaches): void {
    const { length, iterations } = this.#at(row);
    kv.requireRoom(length - kv.length);
    this.#plans.change((tensors) => {
      for (const [layer] of this.weights.layers.entries()) {
        const count = Math.min(length, cacheSlots(this.weights.config, layer, kv.capacity));
        const part = (name: string, size: number) => readRow(tensors[name] as Tensor, row, size);
        if (count > 0) kv.writeSlots(layer, part(`keys${layer}`, count), part(`values${layer}`, count));
        if (this.#isStreamOff) continue;
        const name = iterations > 0 ? `settled${layer}` : `state${layer}`;
        states.write(layer, reshape(part(name, 1), [1, -1]));
      }
    });
    stand({ kv, states }, length);
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
   * @param hasLogits whether logits are wanted of any of them
   * @returns the caller's, and saying nothing of the other rows
   * @throws SstError `context-overflow`, `unknown-token`, `contradiction` for a row that nobody has, or a second iteration without a
   * stream; `disposed`
   */
  iterate(tokens: ReadonlyMap<number, number>, hasLogits = true): RowsIterated {
    this.#requireThere();
    for (const row of tokens.keys()) this.#requireIteration(row);
    requireKnownTokens([...tokens.values()], this.weights.config);
    const inputs = this.#inputs(tokens);
    try {
      const { logits, top } = this.#plans.run(inputs, hasLogits);
      for (const row of tokens.keys()) this.#at(row).iterations++;
      return { top, logits: hasLogits ? logits : undefined };
    } finally {
      for (const input of Object.values(inputs)) input.dispose();
    }
  }

  /** Counts the position that a row is at as read. */
  settle(row: number): void {
    const own = this.#at(row);
    own.length++;
    own.iterations = 0;
  }

  /** The latent state that a row has in a layer, `[1, hiddenSize]`: the caller's. */
  state(row: number, layer: number): Tensor {
    this.#at(row);
    return tidy(() => reshape(readRow(this.#plans.tensors[`state${layer}`] as Tensor, row, 1), [1, -1]));
  }

  dispose(): void {
    if (this.#isDisposed) return;
    if (this.caches !== undefined) this.#giveBack(this.caches);
    this.#isDisposed = true;
    this.#plans.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #requireThere(): void {
    if (this.#isDisposed) throw new SstError("disposed", "the batch was disposed of");
  }

  #requireFree(row: number): void {
    this.#requireThere();
    if (!Number.isInteger(row) || row < 0 || row >= this.rows) {
      throw new SstError("contradiction", `there is no row ${row}, but rows 0 to ${this.rows - 1}`);
    }
    if (this.#rows[row] !== undefined) throw new SstError("contradiction", `row ${row} is taken`);
  }

  #at(row: number): Row {
    this.#requireThere();
    const own = this.#rows[row];
    if (own === undefined) throw new SstError("contradiction", `nobody has row ${row}: let a text join first`);
    return own;
  }

  #giveBack(caches: DecodeCaches): void {
    const { length, iterations } = this.#at(0);
    const states = this.#isStreamOff ? undefined : iterations > 0 ? "settled" : "state";
    giveBack(caches, this.#plans.release(), this.weights.config.numHiddenLayers, states);
    stand(caches, length);
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
      const { length, iterations } = this.#at(row);
      given[row] = token;
      ahead[row] = length;
      if (iterations === 0) begins[row] = length;
      else goesOn[row] = 1;
      if (length + iterations > 0) precedes[row] = 1;
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
}

function rowOf({ kv }: DecodeCaches): Row {
  return { length: kv.length, iterations: 0 };
}

/** Counts so many positions as read. */
function stand({ kv, states }: DecodeCaches, length: number): void {
  kv.advance(length - kv.length);
  if (length > 0) states.fill();
}

function replace(tensors: Record<string, Tensor>, name: string, by: (before: Tensor) => Tensor): void {
  tensors[name] = by(tensors[name] as Tensor);
}
