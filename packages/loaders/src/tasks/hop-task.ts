/**
 * "k-hop": a table a → f(a) that is new in every sequence, a number of hops k and a start s; the answer is f^k(s). One lookup
 * after another, so a model without iterations has as many hops as its layers have lookups in them.
 */
import { type Random, SstError } from "@sst/tensor";
import { SymbolVocabulary } from "../tokenizers/symbol-vocabulary.js";
import { startName } from "./task.js";

export interface HopTaskOptions {
  /** Entries of the table: f is a permutation of so many nodes. */
  readonly nodes: number;
  /** Hop counts that there are symbols for, from 1 on. */
  readonly hops: number;
  /**
   * How an entry of the table is written: `packed`, one symbol for the pair, or as `tokens`, one for a and one for f(a), as a
   * language model would see them.
   */
  readonly form: "packed" | "tokens";
}

/** A question about the table: the number of hops and the start, at which the answer is asked. */
export interface HopQuery {
  readonly hops: number;
  /** Nodes reached after 0, 1, … hops, as tokens; the last is the answer. */
  readonly path: readonly number[];
}

/** One sequence: the entries of the table in random order, then queries of two symbols each. */
export interface HopSample {
  readonly tokens: readonly number[];
  readonly queries: readonly HopQuery[];
}

export class HopTask {
  readonly name: string;
  readonly vocabulary: SymbolVocabulary;

  /** @throws SstError `invalid-argument` for fewer than 2 nodes or 1 hop */
  constructor(readonly options: HopTaskOptions) {
    const { nodes, hops, form } = options;
    if (!(Number.isInteger(nodes) && nodes >= 2 && Number.isInteger(hops) && hops >= 1)) {
      throw new SstError("invalid-argument", `k-hop needs at least 2 nodes and 1 hop, not ${nodes} and ${hops}`);
    }
    this.name = `hop${nodes}x${hops}-${form}`;
    const names = Array.from({ length: nodes }, (_, node) => nodeName(node));
    const pairs = form === "packed" ? names.flatMap((from) => names.map((to) => `${from}${to}`)) : [];
    const counts = Array.from({ length: hops }, (_, index) => hopsName(index + 1));
    const start = startName(this.name);
    this.vocabulary = new SymbolVocabulary(this.name, [start, ...names, ...counts, ...pairs], start);
  }

  /** Positions of a sequence: the start token, the entries of the table, the queries. */
  time(entries: number, queries: number): number {
    return 1 + (this.options.form === "packed" ? entries : 2 * entries) + 2 * queries;
  }

  /**
   * A random sequence with a query for each number of hops given. Its table is a permutation of `entries` of the nodes: all of
   * them, or some, which is easier.
   */
  sample(random: Random, hops: readonly number[], entries: number): HopSample {
    const { vocabulary } = this;
    const { nodes, form } = this.options;
    const names = random.shuffled(Array(nodes).keys()).slice(0, entries).map(nodeName);
    const image = random.shuffled(Array(entries).keys());
    const nameOf = (entry: number) => names[entry] as string;
    const pairs = names.map((name, entry) => [name, nameOf(image[entry] as number)]);
    const table = form === "packed" ? pairs.map((pair) => pair.join("")) : pairs.flat();
    const queries = hops.map((count) => {
      const path = [random.integer(entries)];
      for (let hop = 0; hop < count; hop++) path.push(image[path.at(-1) as number] as number);
      return { hops: count, names: path.map(nameOf) };
    });
    const symbols = [...table, ...queries.flatMap((query) => [hopsName(query.hops), query.names[0] as string])];
    return {
      tokens: [vocabulary.startToken, ...symbols.map((name) => vocabulary.id(name))],
      queries: queries.map((query) => ({ hops: query.hops, path: query.names.map((name) => vocabulary.id(name)) })),
    };
  }
}

/** n0, n1, … */
function nodeName(node: number): string {
  return `n${node}`;
}

function hopsName(hops: number): string {
  return `+${hops}`;
}
