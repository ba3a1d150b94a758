/** Chat templates: conversations as the text that a model was trained on, through Hugging Face's own library. */
import { Interpreter, parse, tokenize } from "@huggingface/jinja";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { FileSource } from "../files/file-source.js";
import { parseJson } from "../files/json.js";
import { toSource } from "../files/to-source.js";
import { templateEnvironment } from "./chat-template-environment.js";
import { readSpecialTokens, type SpecialTokens } from "./special-tokens.js";

/** What a message holds beside role and content (a name, calls of tools) is for the template to know. */
export interface ChatMessage {
  readonly role: string;
  /** Absent where the message only calls tools. */
  readonly content?: string | null | undefined;
  readonly [more: string]: unknown;
}

export interface ChatTemplateOptions {
  /** Ends with what begins the assistant's next message; defaults to false. */
  readonly addGenerationPrompt?: boolean;
  /** Descriptions of functions, as JSON schemas; chooses the template named "tool_use", where there is one. */
  readonly tools?: readonly object[];
  /** The day that templates show which ask for it, in local time; defaults to now. */
  readonly now?: Date;
  /** What else this template understands, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Of a folder, the first one that says a template counts. */
export const chatTemplateFiles = ["chat_template.jinja", "chat_template.json", "tokenizer_config.json"] as const;

type Program = ReturnType<typeof parse>;

export class ChatTemplate {
  readonly #programs: ReadonlyMap<string, Program>;

  /**
   * @param templates in Jinja, by name; the one that is used unless tools ask for another is "default"
   * @param fileName for error messages
   * @throws SstError `file-corrupt` for a template that is malformed
   */
  constructor(
    private readonly templates: Readonly<Record<string, string>>,
    readonly specialTokens: SpecialTokens = {},
    readonly fileName: string = chatTemplateFiles[0],
  ) {
    const parsed = Object.entries(templates).map(([name, text]) => [name, this.#parsed(name, text)] as const);
    this.#programs = new Map(parsed);
  }

  /** Whether a template shows the date, so that the same conversation is another text tomorrow. */
  get showsDate(): boolean {
    return Object.values(this.templates).some((text) => text.includes("strftime_now"));
  }

  /**
   * A conversation as text. It holds its special tokens by name, the start token too: encode it with
   * `addSpecialTokens: false`.
   *
   * @throws SstError `invalid-argument` for a conversation that the template refuses or cannot show
   */
  render(messages: readonly ChatMessage[], options: ChatTemplateOptions = {}): string {
    const { addGenerationPrompt = false, now = new Date(), tools, variables } = options;
    const name = tools && this.#programs.has("tool_use") ? "tool_use" : "default";
    const program = this.#programs.get(name);
    if (program === undefined) throw this.#refused(`it has no template named "${name}"`);
    const given = { messages, tools, add_generation_prompt: addGenerationPrompt, ...this.specialTokens, ...variables };
    try {
      return String(new Interpreter(templateEnvironment(given, now)).run(program).value);
    } catch (cause) {
      throw this.#refused(reasonOf(cause), cause);
    }
  }

  #parsed(name: string, text: string): Program {
    try {
      return parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true }));
    } catch (cause) {
      throw new SstError(
        "file-corrupt",
        `${this.fileName}: the chat template "${name}" is malformed: ${reasonOf(cause)}`,
        {
          cause,
        },
      );
    }
  }

  #refused(reason: string, cause?: unknown): SstError {
    return new SstError(
      "invalid-argument",
      `${this.fileName}: the chat template refuses this conversation: ${reason}`,
      {
        cause,
      },
    );
  }
}

const templateText = v.union([v.string(), v.array(v.object({ name: v.string(), template: v.string() }))]);
const inConfig = v.looseObject({ chat_template: v.nullish(templateText) });

/**
 * The chat template among a model's files: `chat_template.jinja`, `chat_template.json`, or what `tokenizer_config.json` says,
 * one or several named ones. Undefined where there is none.
 *
 * @throws SstError `file-corrupt` for a malformed one
 */
export async function loadChatTemplate(from: string | FileSource): Promise<ChatTemplate | undefined> {
  const source = await toSource(from);
  for (const fileName of chatTemplateFiles) {
    if (!(await source.has(fileName))) continue;
    const templates = templatesOf(await source.read(fileName), fileName);
    if (templates !== undefined) return new ChatTemplate(templates, await specialTokensOf(source), fileName);
  }
  return undefined;
}

function templatesOf(bytes: Uint8Array, fileName: string): Record<string, string> | undefined {
  if (fileName.endsWith(".jinja")) return { default: new TextDecoder().decode(bytes) };
  const { chat_template: found } = parseJson(bytes, inConfig, fileName);
  if (found == null) return undefined;
  if (typeof found === "string") return { default: found };
  return Object.fromEntries(found.map(({ name, template }) => [name, template]));
}

async function specialTokensOf(source: FileSource): Promise<SpecialTokens> {
  const found: SpecialTokens[] = [];
  // What the newer of the two says counts.
  for (const fileName of ["special_tokens_map.json", "tokenizer_config.json"]) {
    if (await source.has(fileName)) found.push(readSpecialTokens(await source.read(fileName), fileName));
  }
  return Object.assign({}, ...found);
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
