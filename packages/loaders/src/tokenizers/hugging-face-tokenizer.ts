/** `tokenizer.json`, through Hugging Face's own library. */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { parseJson } from "../files/json.js";
import type { StreamDecoder, Tokenizer } from "./tokenizer.js";

export class HuggingFaceTokenizer implements Tokenizer {
  readonly #library: LibraryTokenizer;

  /** @throws SstError `file-corrupt` for files that are no JSON, `file-unsupported` for what the library does not know */
  constructor(
    private readonly json: Uint8Array,
    private readonly configJson: Uint8Array | undefined,
  ) {
    const object = v.looseObject({});
    const tokenizer = parseJson(json, object, "tokenizer.json");
    const config = configJson ? parseJson(configJson, object, "tokenizer_config.json") : {};
    try {
      this.#library = new LibraryTokenizer(tokenizer, config);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SstError("file-unsupported", `tokenizer.json cannot be used: ${reason}`, { cause });
    }
  }

  get vocabSize(): number {
    return this.#library.get_vocab().size;
  }

  encode(text: string): number[] {
    return [...this.#library.encode(text).ids];
  }

  decode(tokens: readonly number[]): string {
    // The library refuses to decode nothing, and by default rewrites " ," to ",": a stream would have to take text back.
    if (tokens.length === 0) return "";
    return this.#library.decode([...tokens], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }

  /** Decodes all that has come and gives out what is new, holding back a character that is not finished. */
  streamDecoder(prompt: readonly number[]): StreamDecoder {
    const tokens = [...prompt];
    let given = this.decode(tokens);
    const rest = (text: string) => {
      const piece = text.slice(given.length);
      given = text;
      return piece;
    };
    return {
      push: (token) => {
        tokens.push(token);
        const text = this.decode(tokens);
        return text.endsWith("\uFFFD") ? "" : rest(text);
      },
      end: () => rest(this.decode(tokens)),
    };
  }

  files(): Record<string, Uint8Array> {
    return { "tokenizer.json": this.json, ...(this.configJson && { "tokenizer_config.json": this.configJson }) };
  }
}
