/** Chat templates: what they make of a conversation, where they are found, and which tokens are the assistant's. */
import {
  type ChatMessage,
  ChatTemplate,
  chatTokens,
  loadChatTemplate,
  loadTokenizer,
  memorySource,
  type Tokenizer,
} from "@sst/loaders";
import { describe, expect, test } from "vitest";
import { chatMl, forgetful, gemma, headers, instructions } from "./chat-templates.js";
import { byteFallbackTokenizer, byteLevelTokenizer, json } from "./tokenizer-files.js";

const utf8 = (text: string) => new TextEncoder().encode(text);
const template = (text: string, specialTokens = {}) => new ChatTemplate({ default: text }, specialTokens);
const fromJson = (content: object) => loadTokenizer(memorySource({ "tokenizer.json": json(content) }));

const question = { role: "user", content: " What is it? " };
const answer = { role: "assistant", content: "a\nb" };

describe("a conversation as text", () => {
  test("in headers, with the start token", () => {
    const given = template(headers, { bos_token: "<|begin|>", eos_token: "<|turn|>" });
    const asked = "<|begin|><|header|>user<|/header|>\n\nWhat is it?<|turn|>";
    expect(given.render([question])).toBe(asked);
    const prompt = `${asked}<|header|>assistant<|/header|>\n\n`;
    expect(given.render([question], { addGenerationPrompt: true })).toBe(prompt);
    expect(given.render([question, answer])).toBe(`${prompt}a\nb<|turn|>`);
  });

  test("as ChatML, with a system message of its own, or with tools", () => {
    const given = template(chatMl);
    const turn = "<|im_start|>user\n What is it? <|im_end|>\n";
    expect(given.render([question])).toBe(`<|im_start|>system\nBe brief.<|im_end|>\n${turn}`);
    const system = { role: "system", content: "Rhyme." };
    expect(given.render([system, question])).toBe(`<|im_start|>system\nRhyme.<|im_end|>\n${turn}`);
    expect(given.render([question], { tools: [{ name: "f", é: 1 }] })).toBe(
      `<|im_start|>system\nTools: {"name": "f", "é": 1}<|im_end|>\n${turn}`,
    );
  });

  test("with the assistant under another name", () => {
    expect(
      template(gemma, { bos_token: "<bos>" }).render([question, answer, question], { addGenerationPrompt: true }),
    ).toBe(
      "<bos><turn>user\nWhat is it?</turn>\n<turn>model\na\nb</turn>\n<turn>user\nWhat is it?</turn>\n<turn>model\n",
    );
  });

  test("with instructions in brackets, the system message in the first", () => {
    const given = template(instructions, { bos_token: "<s>", eos_token: "</s>" });
    const messages = [{ role: "system", content: "Rhyme." }, question, answer, question];
    expect(given.render(messages)).toBe("<s>[INST] Rhyme.\n\n What is it? [/INST] a\nb</s>[INST]  What is it? [/INST]");
  });

  test("what a template refuses is said in its words, with its file", () => {
    const given = new ChatTemplate({ default: gemma }, {}, "tokenizer_config.json");
    for (const [messages, reason] of [
      [[{ role: "system", content: "Rhyme." }], "There is no system role"],
      [[question, question], "User and assistant have to alternate"],
    ] as const) {
      expect(() => given.render(messages)).toThrowError(
        expect.objectContaining({
          code: "invalid-argument",
          message: `tokenizer_config.json: the chat template refuses this conversation: ${reason}`,
        }),
      );
    }
    expect(() => template("{{ messages | nothing_like_that }}").render([])).toThrowError(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringMatching(/chat_template\.jinja.*nothing_like_that/),
      }),
    );
  });

  test("a malformed template is refused by file and name", () => {
    for (const text of ["{% for message in messages %}", "{{ 1 +", "{% nonsense %}"]) {
      expect(() => template(text)).toThrowError(
        expect.objectContaining({
          code: "file-corrupt",
          message: expect.stringMatching(/^chat_template\.jinja: the chat template "default" is/),
        }),
      );
    }
  });

  test("dates are those that are passed in, in English", () => {
    const given = template("{{ strftime_now('%d %b %Y, %A %B %H:%M %I %p %y%%, %Q') }}");
    expect([given.showsDate, template(chatMl).showsDate]).toEqual([true, false]);
    expect(given.render([], { now: new Date(2024, 6, 5, 13, 7) })).toBe("05 Jul 2024, Friday July 13:07 01 PM 24%, %Q");
    expect(template("{{ strftime_now('%Y') }}").render([])).toBe(String(new Date().getFullYear()));
  });

  test("further variables, Python's range and constants", () => {
    const text =
      "{% for i in range(1, 6, 2) %}{{ i }}{% endfor %}{% for i in range(2) %}{{ i }}{% endfor %}{{ thinks and True }}";
    expect(template(text).render([], { variables: { thinks: true } })).toBe("13501true");
  });
});

describe("among a model's files", () => {
  const config = (chat_template: unknown) => json({ chat_template, bos_token: { content: "<b>" }, eos_token: null });
  const rendered = async (files: Record<string, Uint8Array>, options = {}) =>
    (await loadChatTemplate(memorySource(files)))?.render([question], options);

  test("in tokenizer_config.json, alone or one of several", async () => {
    expect(await rendered({ "tokenizer_config.json": config("{{ bos_token }}one") })).toBe("<b>one");
    const several = config([
      { name: "default", template: "plain" },
      { name: "tool_use", template: "tools: {{ tools | length }}" },
    ]);
    expect(await rendered({ "tokenizer_config.json": several })).toBe("plain");
    expect(await rendered({ "tokenizer_config.json": several }, { tools: [{}] })).toBe("tools: 1");
    const others = config([{ name: "rag", template: "x" }]);
    await expect(rendered({ "tokenizer_config.json": others })).rejects.toThrowError(/no template named "default"/);
  });

  test("in a file of its own, which goes before", async () => {
    const files = { "tokenizer_config.json": config("one"), "chat_template.json": json({ chat_template: "two" }) };
    expect(await rendered(files)).toBe("two");
    expect(await rendered({ ...files, "chat_template.jinja": utf8("{{ bos_token }}three") })).toBe("<b>three");
  });

  test("special tokens of older folders, and none at all", async () => {
    const files = {
      "chat_template.jinja": utf8("{{ bos_token }}|{{ eos_token }}"),
      "special_tokens_map.json": json({ bos_token: "<s>" }),
    };
    expect(await rendered(files)).toBe("<s>|");
    expect(await rendered({ "tokenizer_config.json": config(undefined) })).toBeUndefined();
    expect(await rendered({})).toBeUndefined();
  });

  test("what is damaged is refused by file and field", async () => {
    await expect(rendered({ "tokenizer_config.json": config(7) })).rejects.toThrowError(
      expect.objectContaining({
        code: "file-corrupt",
        message: expect.stringMatching(/tokenizer_config\.json: field "chat_template/),
      }),
    );
    await expect(rendered({ "chat_template.jinja": utf8("{{") })).rejects.toThrowError(/chat_template\.jinja/);
  });
});

describe("the assistant's tokens", () => {
  const special = [
    "<|begin|>",
    "<|turn|>",
    "<|header|>",
    "<|/header|>",
    "<|im_start|>",
    "<|im_end|>",
    "<turn>",
    "</turn>",
  ];

  /** The asked stretches, as texts with their special tokens by name. */
  function asked(tokenizer: Tokenizer, names: readonly string[], given: ReturnType<typeof chatTokens>): string[] {
    const ids = new Map(names.map((name) => [tokenizer.encode(name, { addSpecialTokens: false })[0], name]));
    const stretches: string[] = [];
    for (const [index, token] of given.tokens.entries()) {
      if (!given.asked[index]) continue;
      if (!given.asked[index - 1]) stretches.push("");
      stretches.push(`${stretches.pop()}${ids.get(token) ?? tokenizer.decode([token])}`);
    }
    return stretches;
  }

  const more = { role: "assistant", content: "abc" };
  const conversation: ChatMessage[] = [question, answer, question, more];

  test.each([
    ["headers", headers, ["a\nb<|turn|>", "abc<|turn|>"]],
    ["ChatML, without the line break behind a turn", chatMl, ["a\nb<|im_end|>", "abc<|im_end|>"]],
    ["the name of model", gemma, ["a\nb</turn>", "abc</turn>"]],
  ])("in a template with %s", async (_name, text, expected) => {
    const tokenizer = await fromJson(byteLevelTokenizer({ special, start: "<|begin|>" }));
    const given = template(text, { bos_token: "<|begin|>" });
    const chat = chatTokens(conversation, given, tokenizer);
    expect(asked(tokenizer, special, chat)).toEqual(expected);
    // The template's own start token and no second one.
    const start = tokenizer.encode("")[0];
    expect(chat.tokens.filter((token) => token === start)).toHaveLength(text === chatMl ? 0 : 1);
    expect(chat.tokens).toEqual(tokenizer.encode(given.render(conversation), { addSpecialTokens: false }));
  });

  test("with brackets that are no special tokens, in pieces that hold spaces", async () => {
    const tokenizer = await fromJson(byteFallbackTokenizer());
    const given = template(instructions, { bos_token: "<s>", eos_token: "</s>" });
    const chat = chatTokens(conversation, given, tokenizer);
    expect(asked(tokenizer, ["<s>", "</s>"], chat).map((text) => text.trim())).toEqual(["a\nb</s>", "abc</s>"]);
    expect(chat.tokens.filter((token) => token === 1)).toHaveLength(1);
  });

  test("an answer that grows together with what stands before it is asked for whole", async () => {
    const tokenizer = await fromJson(byteLevelTokenizer());
    const given = template(
      "{% for m in messages %}{{ m.role[0] + m.content }}{% endfor %}{% if add_generation_prompt %}a{% endif %}",
    );
    const chat = chatTokens(
      [
        { role: "user", content: "x" },
        { role: "assistant", content: "bc" },
      ],
      given,
      tokenizer,
    );
    // "ux" by byte, then "abc" in one token.
    expect(chat).toEqual({ tokens: [...tokenizer.encode("ux"), 257], asked: Uint8Array.of(0, 0, 1) });
  });

  test("a template that shows earlier answers otherwise is refused by name", async () => {
    const tokenizer = await fromJson(byteLevelTokenizer({ special }));
    const thinking = { role: "assistant", content: "<think>hm</think>ab" };
    const given = new ChatTemplate({ default: forgetful }, {}, "qwen/chat_template.jinja");
    expect(asked(tokenizer, special, chatTokens([question, thinking], given, tokenizer))).toEqual([
      `${thinking.content}<|im_end|>`,
    ]);
    expect(() => chatTokens([question, thinking, question, answer], given, tokenizer)).toThrowError(
      expect.objectContaining({
        code: "file-unsupported",
        message: expect.stringMatching(/^qwen\/chat_template\.jinja: /),
      }),
    );
  });
});
