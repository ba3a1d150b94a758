/** `tokenizer.json`, through Hugging Face's own library. */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { parseJson } from "../files/json.js";
import { readSpecialTokens } from "./special-tokens.js";
import type { EncodeOptions, StreamDecoder, Tokenizer } from "./tokenizer.js";
import { windowDecoder } from "./window-decoder.js";

const configFile = "tokenizer_config.json";

const configSchema = v.looseObject({ additional_special_tokens: v.optional(v.nullable(v.array(v.unknown()))) });

export class HuggingFaceTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endToken?: number;
  readonly #library: LibraryTokenizer;
  /** Tokens that decoding leaves out. */
  readonly #special: ReadonlySet<number>;

  /**
   * @param beside files to save with it, such as a chat template
   * @throws SstError `file-corrupt` for files that are no JSON, `file-unsupported` for what the library does not know
   */
  constructor(
    private readonly json: Uint8Array,
    private readonly configJson: Uint8Array | undefined,
    private readonly beside: Readonly<Record<string, Uint8Array>> = {},
  ) {
    const tokenizer = parseJson(json, v.looseObject({}), "tokenizer.json");
    const config = configJson ? parseJson(configJson, configSchema, configFile) : {};
    try {
      this.#library = new LibraryTokenizer(tokenizer, config);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SstError("file-unsupported", `tokenizer.json cannot be used: ${reason}`, { cause });
    }
    const ids = this.#library.get_vocab();
    // Numbers may be left out between tokens, so that counting them would not do.
    this.vocabSize = [...ids.values()].reduce((size, id) => Math.max(size, id + 1), 0);
    const named = [...this.#library.get_added_tokens_decoder().values()].filter(({ special }) => special);
    const more = (config.additional_special_tokens ?? []).map((name) => ids.get(name as string));
    this.#special = new Set([...named.map(({ id }) => id), ...more.filter((id) => id !== undefined)]);
    const end = configJson && readSpecialTokens(configJson, configFile).eos_token;
    const endToken = end === undefined ? undefined : this.#library.token_to_id(end);
    if (endToken !== undefined) this.endToken = endToken;
  }

  encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): number[] {
    return [...this.#library.encode(text, { add_special_tokens: addSpecialTokens }).ids];
  }

  decode(tokens: readonly number[]): string {
    for (const token of tokens) this.#requireKnown(token);
    return this.#decode(tokens);
  }

  streamDecoder(prompt: readonly number[]): StreamDecoder {
    return windowDecoder(
      (tokens) => this.#decode(tokens),
      prompt,
      (token) => !this.#special.has(this.#requireKnown(token)),
    );
  }

  files(): Record<string, Uint8Array> {
    return { "tokenizer.json": this.json, ...(this.configJson && { [configFile]: this.configJson }), ...this.beside };
  }

  #decode(tokens: readonly number[]): string {
    // The library refuses to decode nothing, and by default rewrites " ," to ",": a stream would have to take text back.
    if (tokens.length === 0) return "";
    return this.#library.decode([...tokens], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }

  #requireKnown(token: number): number {
    if (this.#library.id_to_token(token) !== undefined) return token;
    throw new SstError("unknown-token", `the tokenizer has no token ${token}: its ${this.vocabSize} begin at 0`);
  }
}
