/** Conversations as tokens, and which of them the assistant says: those that instruction tuning asks for. Ours. */
import { SstError } from "@sst/tensor";
import type { ChatMessage, ChatTemplate, ChatTemplateOptions } from "./chat-template.js";
import type { Tokenizer } from "./tokenizer.js";

export interface ChatTokens {
  readonly tokens: readonly number[];
  /** By token: 1 for what the assistant says, its end of turn included; 0 for what it only reads. */
  readonly asked: Uint8Array;
}

/** How many tokens at the end of a text may become others by what follows it. */
const unsettledTokens = 4;

/**
 * Where the assistant's messages begin and end is found by showing the template the conversation up to there: what it makes
 * of that has to be how it begins the whole.
 *
 * @throws SstError `file-unsupported` naming a template that shows earlier messages otherwise when others follow,
 * `invalid-argument` for a conversation that it refuses
 */
export function chatTokens(
  messages: readonly ChatMessage[],
  template: ChatTemplate,
  tokenizer: Tokenizer,
  options: Omit<ChatTemplateOptions, "addGenerationPrompt"> = {},
): ChatTokens {
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
  const whole = template.render(messages, options);
  const tokens = encode(whole);
  const asked = new Uint8Array(tokens.length);
  const tokensWithin = (text: string) => {
    const own = encode(text);
    const differs = own.findIndex((token, index) => token !== tokens[index]);
    const shared = differs < 0 ? own.length : differs;
    // The last ones may have grown together with what follows.
    if (!whole.startsWith(text) || shared < own.length - unsettledTokens) throw notStable(template);
    return shared;
  };
  for (const [index, { role }] of messages.entries()) {
    if (role !== "assistant") continue;
    const before = template.render(messages.slice(0, index), { ...options, addGenerationPrompt: true });
    const through = template.render(messages.slice(0, index + 1), options);
    if (!through.startsWith(before)) throw notStable(template);
    const start = tokensWithin(before);
    asked.fill(1, start, withoutSpaceBehind(tokens, start, tokensWithin(through), tokenizer));
  }
  return { tokens, asked };
}

/** A line break behind the token that ends the turn is the template's: a model that has ended its turn is asked no more. */
function withoutSpaceBehind(tokens: readonly number[], start: number, end: number, tokenizer: Tokenizer): number {
  const textOf = (index: number) => tokenizer.decode(tokens.slice(index, index + 1));
  let last = end - 1;
  while (last > start && /^\s+$/.test(textOf(last))) last--;
  const isEndOfTurn = last > start && textOf(last) === "";
  return isEndOfTurn ? last + 1 : end;
}

function notStable({ fileName }: ChatTemplate): SstError {
  return new SstError(
    "file-unsupported",
    `${fileName}: the chat template shows a conversation otherwise when more of it follows, so that what the assistant says ` +
      "cannot be told from the rest: train with a template that leaves earlier messages as they are",
  );
}
