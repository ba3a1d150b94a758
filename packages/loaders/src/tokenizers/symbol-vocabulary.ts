/** `vocab.json`: the symbols of a model that labels positions (state tracking). Ours. */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { FileSource } from "../files/file-source.js";
import { jsonBytes, parseJson } from "../files/json.js";
import { toSource } from "../files/to-source.js";

const fileName = "vocab.json";

/** Users type symbols apart with white space or commas. */
const symbol = v.pipe(v.string(), v.regex(/^[^\s,]+$/, "a symbol is neither empty nor holds white space or commas"));

const vocabularySchema = v.pipe(
  v.object({
    format_version: v.literal(1),
    task: v.string(),
    tokens: v.pipe(
      v.array(symbol),
      v.check((tokens) => new Set(tokens).size === tokens.length, "a symbol occurs twice"),
    ),
    start_token: v.string(),
  }),
  v.forward(
    v.check(({ tokens, start_token }) => tokens.includes(start_token), "is not one of the tokens"),
    ["start_token"],
  ),
);

/** Symbols and labels share one set of tokens, numbered in order; a sequence begins with the task's start token. */
export class SymbolVocabulary {
  readonly #ids: ReadonlyMap<string, number>;

  constructor(
    readonly task: string,
    readonly tokens: readonly string[],
    readonly startName: string,
  ) {
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
    this.id(startName);
  }

  static fromJson(bytes: Uint8Array): SymbolVocabulary {
    const { task, tokens, start_token } = parseJson(bytes, vocabularySchema, fileName);
    return new SymbolVocabulary(task, tokens, start_token);
  }

  get size(): number {
    return this.tokens.length;
  }

  get startToken(): number {
    return this.id(this.startName);
  }

  /** What a user may type. */
  get symbols(): string[] {
    return this.tokens.filter((token) => !token.startsWith("<"));
  }

  /** @throws SstError `unknown-token` naming the symbol and the known ones */
  id(symbol: string): number {
    const id = this.#ids.get(symbol);
    if (id !== undefined) return id;
    const known = this.symbols;
    const list = known.length > 12 ? `${known.slice(0, 12).join(", ")}, …` : known.join(", ");
    throw new SstError("unknown-token", `"${symbol}" is not a symbol of this model; there are ${list}`);
  }

  /** Symbols separated by white space or commas. @throws SstError `empty-prompt` or `unknown-token` */
  encode(text: string): number[] {
    const symbols = text.split(/[\s,]+/).filter((symbol) => symbol !== "");
    if (symbols.length === 0) {
      throw new SstError(
        "empty-prompt",
        `the prompt is empty: give symbols such as "${this.symbols.slice(0, 3).join(" ")}"`,
      );
    }
    return symbols.map((symbol) => this.id(symbol));
  }

  /** @throws SstError `unknown-token` */
  decode(token: number): string {
    const name = this.tokens[token];
    if (name === undefined)
      throw new SstError("unknown-token", `token ${token} is not one of the ${this.size} of this vocabulary`);
    return name;
  }

  files(): Record<string, Uint8Array> {
    const content = { format_version: 1, task: this.task, tokens: this.tokens, start_token: this.startName };
    return { [fileName]: jsonBytes(content) };
  }
}

/** The vocabulary beside a model, or undefined for a model of text. */
export async function loadVocabulary(from: string | FileSource): Promise<SymbolVocabulary | undefined> {
  const source = await toSource(from);
  return (await source.has(fileName)) ? SymbolVocabulary.fromJson(await source.read(fileName)) : undefined;
}
