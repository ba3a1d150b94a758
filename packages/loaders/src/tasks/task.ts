/**
 * State tracking: a sequence of symbols, and after each one the state that they have led to. Every symbol acts on the
 * state, so the answer at a position depends on all before it.
 */
import type { Random } from "@sst/tensor";
import { SymbolVocabulary } from "../tokenizers/symbol-vocabulary.js";

/** The rule of a task: states and symbols share their names, and are counted in order. */
export interface TaskRule {
  readonly name: string;
  readonly symbols: readonly string[];
  /** The state before the first symbol. */
  readonly start: number;
  /** The state that a symbol leads to. */
  step(state: number, symbol: number): number;
}

/** A rule on the tokens of a vocabulary. */
export class Task {
  readonly #tokens: readonly number[];

  constructor(
    private readonly rule: TaskRule,
    readonly vocabulary: SymbolVocabulary,
  ) {
    this.#tokens = rule.symbols.map((symbol) => vocabulary.id(symbol));
  }

  get name(): string {
    return this.rule.name;
  }

  /** Chance level: one over the number of answers. */
  get chance(): number {
    return 1 / this.rule.symbols.length;
  }

  /** The same task on another vocabulary. @throws SstError `unknown-token` where that lacks a symbol */
  on(vocabulary: SymbolVocabulary): Task {
    return new Task(this.rule, vocabulary);
  }

  /** A random sequence and its answers, as tokens. */
  sample(random: Random, length: number): { symbols: number[]; labels: number[] } {
    let state = this.rule.start;
    const symbols: number[] = [];
    const labels: number[] = [];
    for (let position = 0; position < length; position++) {
      const symbol = random.integer(this.rule.symbols.length);
      state = this.rule.step(state, symbol);
      symbols.push(this.#tokens[symbol] as number);
      labels.push(this.#tokens[state] as number);
    }
    return { symbols, labels };
  }

  /** The right answers to symbols given as tokens. */
  answers(symbols: readonly number[]): number[] {
    let state = this.rule.start;
    return symbols.map((token) => {
      state = this.rule.step(state, this.#tokens.indexOf(token));
      return this.#tokens[state] as number;
    });
  }
}

/** The token that begins a sequence of a task. */
export function startName(taskName: string): string {
  return `<${taskName}>`;
}

/** A task on a vocabulary of its own: its start token, then its symbols. */
export function ownTask(rule: TaskRule): Task {
  const start = startName(rule.name);
  return new Task(rule, new SymbolVocabulary(rule.name, [start, ...rule.symbols], start));
}
