/** A tokenizer for models of no text: llama.cpp's bindings load no model without one. */
import { loadTokenizer, memorySource, type Tokenizer } from "@sst/loaders";

/** Bytes are tokens; what the other tokens are called means nothing. @param size number of tokens, at least 259 */
export function placeholderTokenizer(size: number): Promise<Tokenizer> {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const first = ["<unk>", "<s>", "</s>", ...bytes];
  const tokens = Array.from({ length: size }, (_, index) => first[index] ?? `token${index}`);
  const special = (id: number) => ({ id, content: first[id], special: true });
  const json = {
    added_tokens: [special(1), special(2)],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: "ByteFallback" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
      unk_token: "<unk>",
      byte_fallback: true,
    },
  };
  return loadTokenizer(memorySource({ "tokenizer.json": new TextEncoder().encode(JSON.stringify(json)) }));
}
