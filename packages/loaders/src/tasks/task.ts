/**
 * State tracking: a sequence of symbols, and after each one the state that they have led to. Every symbol acts on the
 * state, so the answer at a position depends on all before it.
 */
import type { Random } from "@sst/tensor";
import { SymbolVocabulary } from "../tokenizers/symbol-vocabulary.js";

/** The rule of a task, its states and symbols counted in order. */
export interface TaskRule {
  readonly name: string;
  /** One that has spaces is spelt in several tokens, the same number for all symbols. */
  readonly symbols: readonly string[];
  /** What the states are called, each in one token; defaults to the symbols, which are the states then. */
  readonly states?: readonly string[];
  /** The state before the first symbol. */
  readonly start: number;
  /** The state that a symbol leads to. */
  step(state: number, symbol: number): number;
}

/** A rule on the tokens of a vocabulary. */
export class Task {
  /** By symbol. */
  readonly #symbols: readonly (readonly number[])[];
  readonly #states: readonly number[];
  /** Tokens that a symbol is spelt in; the answer is asked for at the last of them. */
  readonly symbolTokens: number;

  constructor(
    private readonly rule: TaskRule,
    readonly vocabulary: SymbolVocabulary,
  ) {
    this.#symbols = rule.symbols.map((symbol) => symbol.split(" ").map((token) => vocabulary.id(token)));
    this.#states = statesOf(rule).map((state) => vocabulary.id(state));
    this.symbolTokens = this.#symbols[0]?.length ?? 1;
  }

  get name(): string {
    return this.rule.name;
  }

  /** Chance level: one over the number of answers. */
  get chance(): number {
    return 1 / this.#states.length;
  }

  /** The same task on another vocabulary. @throws SstError `unknown-token` where that lacks a symbol */
  on(vocabulary: SymbolVocabulary): Task {
    return new Task(this.rule, vocabulary);
  }

  /** A random sequence and its answers, as tokens; -1 where none is asked for, within a symbol. */
  sample(random: Random, length: number): { symbols: number[]; labels: number[] } {
    const drawn = Array.from({ length }, () => random.integer(this.#symbols.length));
    return { symbols: drawn.flatMap((symbol) => this.#symbols[symbol] as number[]), labels: this.#labels(drawn) };
  }

  /** The right answers to symbols given as tokens; -1 where none is asked for. */
  answers(symbols: readonly number[]): number[] {
    const spelt = this.#symbols.map((tokens) => tokens.join());
    const count = symbols.length / this.symbolTokens;
    const given = Array.from({ length: count }, (_, index) =>
      spelt.indexOf(symbols.slice(index * this.symbolTokens, (index + 1) * this.symbolTokens).join()),
    );
    return this.#labels(given);
  }

  #labels(symbols: readonly number[]): number[] {
    let state = this.rule.start;
    return symbols.flatMap((symbol) => {
      state = this.rule.step(state, symbol);
      return [...new Array<number>(this.symbolTokens - 1).fill(-1), this.#states[state] as number];
    });
  }
}

function statesOf({ states, symbols }: TaskRule): readonly string[] {
  return states ?? symbols;
}

/** The token that begins a sequence of a task. */
export function startName(taskName: string): string {
  return `<${taskName}>`;
}

/** A task on a vocabulary of its own: its start token, then those of its symbols and states. */
export function ownTask(rule: TaskRule): Task {
  const start = startName(rule.name);
  const tokens = [...rule.symbols.flatMap((symbol) => symbol.split(" ")), ...statesOf(rule)];
  return new Task(rule, new SymbolVocabulary(rule.name, [start, ...new Set(tokens)], start));
}
