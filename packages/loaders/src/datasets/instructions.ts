/**
 * Instruction tuning from JSON lines: conversations as Hugging Face's and OpenAI's tools write them (`messages`), Alpaca's
 * (`instruction`, `input`, `output`), pairs of `prompt` and `completion`, and plain `text`.
 */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { FileSource } from "../files/file-source.js";
import { openFile } from "../files/open-file.js";
import type { ChatMessage } from "../tokenizers/chat-template.js";
import { blocksOf } from "./file-blocks.js";
import { type Line, linesOf } from "./lines.js";

export type Instruction =
  | { readonly messages: readonly ChatMessage[]; readonly tools?: readonly object[] }
  | { readonly prompt: string; readonly completion: string }
  | { readonly text: string };

/** Content is left out where a message only calls tools. */
const message = v.looseObject({ role: v.string(), content: v.nullish(v.string()) });

const conversation = v.looseObject({
  messages: v.pipe(
    v.array(message),
    v.check((messages) => messages.some(({ role }) => role === "assistant"), "no message is the assistant's"),
  ),
  tools: v.nullish(v.array(v.looseObject({}))),
});
const alpaca = v.looseObject({ instruction: v.string(), input: v.nullish(v.string()), output: v.string() });
const pair = v.looseObject({ prompt: v.string(), completion: v.string() });
const plain = v.looseObject({ text: v.string() });

/**
 * The records of a file, line by line; empty lines are passed over.
 *
 * @throws SstError `file-not-found`, or `file-corrupt` with file and line
 */
export async function* readInstructions(source: FileSource, fileName: string): AsyncGenerator<Instruction> {
  const file = await openFile(source, fileName);
  try {
    for await (const line of linesOf(blocksOf(file), fileName)) {
      const instruction = instructionOf(line, fileName);
      if (instruction !== undefined) yield instruction;
    }
  } finally {
    await file.close();
  }
}

/** What a line says; undefined for an empty one. @throws SstError `file-corrupt` with file and line */
export function instructionOf(
  { number, text }: Pick<Line, "number" | "text">,
  fileName: string,
): Instruction | undefined {
  if (text.trim() === "") return undefined;
  const place = `${fileName}, line ${number}`;
  const value = parsed(text, place);
  const fields = Object.keys(value);
  if (fields.includes("messages")) {
    const { messages, tools } = checked(value, conversation, place);
    return { messages, ...(tools && { tools }) };
  }
  if (fields.includes("instruction")) {
    const { instruction, input, output } = checked(value, alpaca, place);
    const content = input ? `${instruction}\n\n${input}` : instruction;
    return {
      messages: [
        { role: "user", content },
        { role: "assistant", content: output },
      ],
    };
  }
  if (fields.includes("prompt")) {
    const { prompt, completion } = checked(value, pair, place);
    return { prompt, completion };
  }
  if (fields.includes("text")) return { text: checked(value, plain, place).text };
  throw new SstError(
    "file-corrupt",
    `${place} has the fields ${fields.map((name) => `"${name}"`).join(", ") || "of none"}, but should have "messages", ` +
      '"instruction" and "output", "prompt" and "completion", or "text"',
  );
}

function parsed(text: string, place: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SstError("file-corrupt", `${place}: not valid JSON`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new SstError("file-corrupt", `${place}: expected a JSON object`);
}

function checked<Schema extends v.GenericSchema>(value: object, schema: Schema, place: string): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0] as v.BaseIssue<unknown>;
  throw new SstError("file-corrupt", `${place}: field "${v.getDotPath(issue) ?? ""}": ${issue.message}`);
}
