/** Tokens at which a continuation is over. */
import type { ModelConfig } from "@sst/layers";
import type { Tokenizer } from "@sst/loaders";

/** A model ends a text with its end token, a turn with the tokenizer's; the llama2.c ones begin the next text instead. */
export function stopTokens({ eosTokenId, bosTokenId }: ModelConfig, { endToken }: Tokenizer): number[] {
  return [...new Set([eosTokenId ?? [], bosTokenId ?? [], endToken ?? []].flat())];
}
