/** Whether a tokenizer is the model's. */
import type { ModelConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { Tokenizer } from "./tokenizer.js";

/**
 * A model may have room for more tokens than its tokenizer has (sizes are rounded up), but not for fewer.
 *
 * @throws SstError `contradiction` naming both numbers
 */
export function requireMatchingTokenizer({ vocabSize }: Pick<ModelConfig, "vocabSize">, tokenizer: Tokenizer): void {
  if (tokenizer.vocabSize <= vocabSize) return;
  throw new SstError(
    "contradiction",
    `the tokenizer has ${tokenizer.vocabSize} tokens, but the model knows ${vocabSize} (vocab_size in config.json): they are ` +
      "not of one model; put the tokenizer beside it that it was trained with",
  );
}
