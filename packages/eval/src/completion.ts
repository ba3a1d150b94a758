/** One completion of one prompt. */

import type { CompletionRequest, StoppingPolicy } from "./stopping-policy.js";
import type { Subject } from "./subject.js";

export interface Completion {
  readonly text: string;
  readonly promptTokens: number;
  /** By generated token, the iterations that were run for it. */
  readonly iterations: readonly number[];
}

/**
 * As many tokens as are wanted and as the model's context holds; undefined for a prompt that leaves no room at all.
 *
 * @throws SstError what `generate` throws
 */
export async function complete(
  subject: Subject,
  policy: StoppingPolicy,
  prompt: string,
  stopTexts: readonly string[],
  request: Omit<CompletionRequest, "stopTokens">,
): Promise<Completion | undefined> {
  const { model, codec, stopTokens } = subject;
  const tokens = codec.encode(prompt);
  const maxNewTokens = Math.min(request.maxNewTokens, model.config.maxPositionEmbeddings - tokens.length);
  if (maxNewTokens < 1) return undefined;
  const decoder = codec.streamDecoder(tokens);
  const iterations: number[] = [];
  let text = "";
  for await (const step of policy.complete(model, tokens, { ...request, maxNewTokens, stopTokens })) {
    iterations.push(step.iterations);
    text += decoder.push(step.token);
    if (stopTexts.some((stop) => text.includes(stop))) break;
  }
  text += decoder.end();
  const ends = stopTexts.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return { text: text.slice(0, Math.min(text.length, ...ends)), promptTokens: tokens.length, iterations };
}
