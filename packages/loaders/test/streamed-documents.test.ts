/** Data sets that stay in their files: JSON lines and plain texts, whole, shuffled, and refused by file and line. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ChatTemplate,
  type EncodedDocument,
  folderSource,
  type Instruction,
  loadTokenizer,
  memorySource,
  noteFiles,
  openInstructions,
  openTexts,
  readInstructions,
  requireUnchanged,
  type StreamedDocuments,
  type Tokenizer,
  textFiles,
} from "@sst/loaders";
import { type DocumentParts, StreamedBatches } from "@sst/train";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chatMl, forgetful } from "./chat-templates.js";
import { byteFallbackTokenizer, byteLevelTokenizer, json } from "./tokenizer-files.js";

const folder = mkdtempSync(join(tmpdir(), "sst-data-"));
afterAll(() => rmSync(folder, { recursive: true }));

const utf8 = (text: string) => new TextEncoder().encode(text);
const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");
const template = new ChatTemplate({ default: chatMl });
let tokenizer: Tokenizer;

beforeAll(async () => {
  const files = {
    "tokenizer.json": json(byteLevelTokenizer({ special: ["<|im_start|>", "<|im_end|>"] })),
    "tokenizer_config.json": json({ eos_token: "<|im_end|>" }),
  };
  tokenizer = await loadTokenizer(memorySource(files));
});

async function allOf(parts: DocumentParts): Promise<EncodedDocument[]> {
  const all: EncodedDocument[] = [];
  for (let index = 0; index < parts.partCount; index++) all.push(...((await parts.part(index)) as EncodedDocument[]));
  return all;
}

describe("JSON lines for instruction tuning", () => {
  const records = async (content: string | Uint8Array) => {
    const source = memorySource({ "x.jsonl": typeof content === "string" ? utf8(content) : content });
    const read: Instruction[] = [];
    for await (const instruction of readInstructions(source, "x.jsonl")) read.push(instruction);
    return read;
  };
  const user = { role: "user", content: "Hi" };
  const assistant = { role: "assistant", content: "ab" };

  test("in all forms that are known, with what else they hold left out", async () => {
    const call = { role: "assistant", content: null, tool_calls: [{ name: "f" }] };
    const read = await records(
      lines(
        { messages: [user, assistant], source: "web" },
        { messages: [user, call], tools: [{ name: "f" }] },
        { instruction: "Add", input: "1 and 2", output: "3", id: 7 },
        { instruction: "Say hi", input: "", output: "Hi" },
        { prompt: "1 + 1 =", completion: " 2" },
        { text: "Once" },
      ),
    );
    expect(read).toEqual([
      { messages: [user, assistant] },
      { messages: [user, call], tools: [{ name: "f" }] },
      {
        messages: [
          { role: "user", content: "Add\n\n1 and 2" },
          { role: "assistant", content: "3" },
        ],
      },
      {
        messages: [
          { role: "user", content: "Say hi" },
          { role: "assistant", content: "Hi" },
        ],
      },
      { prompt: "1 + 1 =", completion: " 2" },
      { text: "Once" },
    ]);
  });

  test("with any line breaks, empty lines, a byte order mark, and lines longer than what is read at a time", async () => {
    const long = "é".repeat(1_500_000);
    const content = `\uFEFF{"text":"a"}\r\n\r\n  \n{"text":"b\\n\u2028c"}\n\n${lines({ text: long })}{"text":"d"}`;
    expect(await records(content)).toEqual(["a", "b\n\u2028c", long, "d"].map((text) => ({ text })));
    expect(await records("")).toEqual([]);
  });

  test("what is wrong is named by file and line", async () => {
    const first = lines({ text: "a" }, { text: "b" });
    for (const [bad, complaint] of [
      ["{", "not valid JSON"],
      ["[1]", "expected a JSON object"],
      ['{"question":"x","reply":"y"}', 'has the fields "question", "reply", but should have "messages"'],
      ["{}", "has the fields of none"],
      ['{"messages":[{"role":"user","content":"x"}]}', 'field "messages": no message is the assistant'],
      ['{"messages":[{"role":"user","content":[{"type":"image"}]}]}', 'field "messages.0.content"'],
      ['{"messages":[{"content":"x"}]}', 'field "messages.0.role"'],
      ['{"instruction":"x"}', 'field "output"'],
      ['{"prompt":"x","completion":["y"]}', 'field "completion"'],
      ['{"text":7}', 'field "text"'],
    ] as const) {
      const wrong = expect.objectContaining({ code: "file-corrupt", message: expect.stringContaining(complaint) });
      await expect(records(`${first}\n${bad}\n`)).rejects.toThrowError(wrong);
      await expect(records(`${first}\n${bad}\n`)).rejects.toThrowError(/^x\.jsonl, line 4/);
    }
    const invalid = Uint8Array.of(...utf8(`${first}{"text":"`), 0xe2, 0x82, ...utf8('"}\n'));
    await expect(records(invalid)).rejects.toThrowError(/^x\.jsonl, line 3: not valid UTF-8/);
    await expect(records(new Uint8Array(2 ** 26 + 2).fill(97))).rejects.toThrowError(/^x\.jsonl, line 1 has more than/);
  }, 30_000);

  test("as documents, in any order, asked for what the assistant or the completion says", async () => {
    const content = `\uFEFF${lines({ prompt: "b", completion: "ab" })}\r\n${lines({ messages: [user, assistant] }, { text: "abc" })}`;
    const data = await openInstructions(memorySource({ "x.jsonl": utf8(content) }), "x.jsonl", { tokenizer, template });
    expect(data.partCount).toBe(4);
    expect(data.indexBytes).toBe(4 * 8);
    expect(await data.part(3)).toEqual([{ tokens: [257, 259] }]);
    expect(await data.part(1)).toEqual([]);
    expect(await data.part(0)).toEqual([{ tokens: [98, 256, 259], answerStart: 1 }]);
    const [{ tokens, asked = [] } = { tokens: [] }] = await data.part(2);
    expect(tokens.filter((_, index) => asked[index])).toEqual([256, 259]);
    await expect(data.part(4)).rejects.toMatchObject({ code: "invalid-argument" });
    await data.close();
  });

  test("are checked before anything is trained; what a template refuses later is named by line too", async () => {
    const open = (content: string, given: ChatTemplate | undefined) =>
      openInstructions(memorySource({ "x.jsonl": utf8(content) }), "x.jsonl", { tokenizer, template: given });
    await expect(open(`${lines({ text: "a" })}{`, template)).rejects.toThrowError(/^x\.jsonl, line 2: not valid JSON/);
    const conversation = {
      messages: [user, assistant, user, { ...assistant, content: "<think>x</think>y" }, user, assistant],
    };
    await expect(open(lines({ text: "a" }, conversation), undefined)).rejects.toThrowError(
      expect.objectContaining({
        code: "file-unsupported",
        message: expect.stringMatching(/^x\.jsonl, line 2: .*chat_template\.jinja/),
      }),
    );
    expect((await open(lines({ text: "a" }), undefined)).partCount).toBe(1);
    const data = await open(lines({ text: "a" }, conversation), new ChatTemplate({ default: forgetful }));
    await expect(data.part(1)).rejects.toThrowError(
      expect.objectContaining({
        code: "file-unsupported",
        message: expect.stringMatching(/^x\.jsonl, line 2: chat_template\.jinja/),
      }),
    );
  });
});

describe("plain texts", () => {
  const word = fc.oneof(
    fc.constantFrom(" ", "\n", "  ", "ab", "👩‍👩‍👧‍👦", "e\u0301", "\uFEFF"),
    fc.string({ unit: "grapheme", maxLength: 30 }),
  );
  const text = fc.array(word, { maxLength: 60 }).map((words) => words.join(""));

  /** The texts again: every token is read or asked for in its place. */
  async function readBack(data: StreamedDocuments, length: number, from: Tokenizer): Promise<string> {
    let whole = "";
    for (let index = 0; index < data.partCount; index++) {
      const rows = await data.part(index);
      for (const { tokens } of rows) expect(tokens.length).toBeLessThanOrEqual(length + 1);
      whole += from.decode(rows.flatMap(({ tokens }, row) => (row === 0 ? tokens : tokens.slice(1))));
    }
    return whole;
  }

  test("come out whole, whatever they hold and however they are cut", async () => {
    const sizes = fc.record({ partBytes: fc.integer({ min: 8, max: 100 }), length: fc.integer({ min: 1, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 3 }), sizes, async (texts, { partBytes, length }) => {
        const files = Object.fromEntries(texts.map((content, index) => [`${index}.txt`, utf8(content)]));
        const data = await openTexts(memorySource(files), Object.keys(files), { tokenizer, length, partBytes });
        // A byte order mark at a file's start is none of its text.
        const expected = texts.map((content) => content.replace(/^\uFEFF/, "")).join("");
        expect(await readBack(data, length, tokenizer)).toBe(expected);
        expect(data.partCount).toBeGreaterThanOrEqual(Math.floor(utf8(expected).length / partBytes));
      }),
      { numRuns: 300 },
    );
  });

  test("are cut behind lines, else words, else characters; each part begins with the start token, a file ends with the end", async () => {
    const starting = await loadTokenizer(
      memorySource({
        "tokenizer.json": json(byteFallbackTokenizer()),
        "tokenizer_config.json": json({ eos_token: "</s>" }),
      }),
    );
    const cuts = async (content: string) => {
      const data = await openTexts(memorySource({ "a.txt": utf8(content) }), ["a.txt"], {
        tokenizer: starting,
        length: 100,
        partBytes: 10,
      });
      return (await allOf(data)).map(({ tokens }) => {
        expect(tokens[0]).toBe(1);
        return `${starting.decode(tokens)}${tokens.at(-1) === 2 ? "$" : ""}`;
      });
    };
    expect(await cuts("a b a\nb a b a")).toEqual(["a b a\n", "b a b a$"]);
    expect(await cuts("a\nb a b a b a")).toEqual(["a\nb a b a ", "b a$"]);
    expect(await cuts("bbbbbbbbb👩bb")).toEqual(["bbbbbbbbb", "👩bb$"]);
  });

  test("larger than what is read at a time", async () => {
    const content = Array.from({ length: 60_000 }, (_, index) => `line ${index} of a text € \n`).join("");
    const data = await openTexts(memorySource({ "a.txt": utf8(content) }), ["a.txt"], { tokenizer, length: 2048 });
    expect(data.partCount).toBeGreaterThan(150);
    expect(await readBack(data, 2048, tokenizer)).toBe(content);
  });

  test("of a folder are its .txt files, by name; what is no UTF-8 is refused by file", async () => {
    const source = memorySource({ "b.txt": utf8("b"), "a.txt": utf8("a"), "c.md": utf8("c") });
    expect(await textFiles(source)).toEqual(["a.txt", "b.txt"]);
    await expect(textFiles(memorySource({ "c.md": utf8("c") }, "here"))).rejects.toThrowError(
      /here holds no text \(\*\.txt\)/,
    );
    for (const bytes of [
      [97, 0xff],
      [97, 0xe2, 0x82],
    ]) {
      const bad = memorySource({ "bad.txt": Uint8Array.from(bytes) });
      await expect(openTexts(bad, ["bad.txt"], { tokenizer, length: 8 })).rejects.toThrowError(
        expect.objectContaining({ code: "file-corrupt", message: expect.stringMatching(/^bad\.txt: not valid UTF-8/) }),
      );
    }
  });
});

test("of a file larger than memory should be, only a block or a part is read at a time, and it is closed in the end", async () => {
  const line = utf8(`${JSON.stringify({ text: "ab".repeat(500) })}\n`);
  const lineCount = 40_000;
  let [largest, whole, open] = [0, 0, 0];
  const source = {
    ...memorySource({}, "large"),
    read: async () => {
      whole++;
      return new Uint8Array();
    },
    open: async () => {
      open++;
      return {
        sizeBytes: line.length * lineCount,
        read: async (position: number, into: Uint8Array) => {
          largest = Math.max(largest, into.length);
          for (let index = 0; index < into.length; index++)
            into[index] = line[(position + index) % line.length] as number;
        },
        close: async () => {
          open--;
        },
      };
    },
  };
  const data = await openInstructions(source, "large.jsonl", { tokenizer });
  expect([data.partCount, data.indexBytes]).toEqual([lineCount, 8 * lineCount]);
  expect((await data.part(39_999))[0]?.tokens).toHaveLength(501);
  expect([largest, whole, open]).toEqual([2 ** 20, 0, 1]);
  await data.close();
  expect(open).toBe(0);
  const failing = { ...source, open: async () => ({ ...(await source.open()), sizeBytes: line.length + 5 }) };
  await expect(openInstructions(failing, "large.jsonl", { tokenizer })).rejects.toThrowError(/line 2: not valid JSON/);
  expect(open).toBe(0);
});

describe("under a cursor", () => {
  const open = async () =>
    openTexts(await folderSource(folder), ["a.txt", "b.txt"], { tokenizer, length: 12, partBytes: 16 });
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
  const options = { rows: 2, length: 12, packed: true, seed: 1 };
  const original = "a text of some words, ".repeat(20);

  test("files on disk give the same batches to whoever goes on, and are refused when they hold something else", async () => {
    write("a.txt", original);
    write("b.txt", "another one ".repeat(9));
    const data = await open();
    const source = new StreamedBatches(data, options);
    for (let step = 0; step < 7; step++) await source.next();
    const state = JSON.parse(JSON.stringify(source.state()));
    const noted = await noteFiles(folder);
    const again = await open();
    const resumed = new StreamedBatches(again, options);
    resumed.restore(state);
    for (let step = 0; step < 30; step++) expect(await resumed.next()).toEqual(await source.next());
    for (const each of [data, again]) await each.close();

    write("a.txt", original.replace("words", "sword"));
    const changed = await open();
    expect(changed.partCount).toBe(again.partCount);
    const other = new StreamedBatches(changed, options);
    expect(() => other.restore(state)).toThrowError(expect.objectContaining({ code: "file-changed" }));
    await expect(requireUnchanged(noted)).rejects.toThrowError(/a\.txt holds something else/);
    await changed.close();
  });

  test("a file that has become shorter while it was open is refused by name", async () => {
    write("a.txt", original);
    const data = await open();
    write("a.txt", "short");
    await expect(allOf(data)).rejects.toThrowError(
      expect.objectContaining({ code: "file-corrupt", message: expect.stringMatching(/a\.txt ends at byte/) }),
    );
    await data.close();
  });
});
