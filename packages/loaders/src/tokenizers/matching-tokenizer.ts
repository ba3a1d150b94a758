/** Whether a tokenizer and a model agree on the vocabulary. */
import type { ModelConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { Tokenizer } from "./tokenizer.js";

/**
 * The tokenizer, where every token that it gives is one of the model's. A model may have more: its embeddings are often
 * padded.
 *
 * @param location folder or address of both, for the error message
 * @throws SstError `unknown-token` for a tokenizer that the model is too small for
 */
export function requireMatchingTokenizer(
  tokenizer: Tokenizer,
  { vocabSize }: ModelConfig,
  location: string,
): Tokenizer {
  if (tokenizer.vocabSize <= vocabSize) return tokenizer;
  const [fileName] = Object.keys(tokenizer.files());
  throw new SstError(
    "unknown-token",
    `${location}: the tokenizer (${fileName}) gives ${tokenizer.vocabSize} tokens, but the model (its vocab_size) knows ` +
      `${vocabSize}: they do not belong together`,
  );
}
