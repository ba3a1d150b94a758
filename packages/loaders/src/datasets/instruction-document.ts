/** Records of instruction tuning as tokens, with what a model is asked for in them. */
import { SstError } from "@sst/tensor";
import type { ChatTemplate } from "../tokenizers/chat-template.js";
import { chatTokens } from "../tokenizers/chat-tokens.js";
import type { Tokenizer } from "../tokenizers/tokenizer.js";
import type { Instruction } from "./instructions.js";

/** A text as tokens; of the shape that `@sst/train` makes batches of. */
export interface EncodedDocument {
  readonly tokens: readonly number[];
  /** The first token that is asked for. */
  readonly answerStart?: number;
  /** By token, 0 for one that is only read; with it, it says all. */
  readonly asked?: ArrayLike<number>;
}

export interface InstructionEncoder {
  readonly tokenizer: Tokenizer;
  /** Conversations need one. */
  readonly template?: ChatTemplate | undefined;
  /** The day that the template shows, if it shows one; defaults to now. */
  readonly now?: Date | undefined;
}

/**
 * What is asked for: of a conversation what the assistant says, of a pair the completion, of a plain text all of it. The latter
 * two end with the end token.
 *
 * @throws SstError what `requireTemplate` and `chatTokens` throw
 */
export function instructionDocument(instruction: Instruction, encoder: InstructionEncoder): EncodedDocument {
  const { tokenizer, now } = encoder;
  if ("messages" in instruction) {
    const { messages, tools } = instruction;
    const template = requireTemplate(encoder);
    return chatTokens(messages, template, tokenizer, { ...(tools && { tools }), ...(now && { now }) });
  }
  const ending = tokenizer.endToken === undefined ? [] : [tokenizer.endToken];
  if ("text" in instruction) return { tokens: [...tokenizer.encode(instruction.text), ...ending] };
  const { prompt, completion } = instruction;
  const tokens = [...tokenizer.encode(prompt + completion), ...ending];
  return { tokens, answerStart: answerStart(tokens, tokenizer.encode(prompt)) };
}

/** @throws SstError `file-unsupported` where there is none */
export function requireTemplate({ template }: InstructionEncoder): ChatTemplate {
  if (template !== undefined) return template;
  throw new SstError(
    "file-unsupported",
    "a conversation needs the model's chat template, which its folder does not have: put chat_template.jinja into it",
  );
}

/** The first token that a question alone would not have; its last one may have grown together with the answer's first. */
export function answerStart(tokens: readonly number[], question: readonly number[]): number {
  const differs = tokens.findIndex((token, index) => token !== question[index]);
  return Math.max(1, differs < 0 ? tokens.length : differs);
}
