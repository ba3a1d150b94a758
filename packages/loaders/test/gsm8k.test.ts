/** GSM8K's files: folders, single files, and lines that are none. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  gsm8kAnswer,
  gsm8kProgram,
  gsm8kText,
  gsm8kTokens,
  memorySource,
  readGsm8k,
  type Tokenizer,
} from "@sst/loaders";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, expect, test } from "vitest";

const scratch = mkdtempSync(join(tmpdir(), "sst-gsm8k-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const lines = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    JSON.stringify({ question: `q${index}`, answer: `a${index} #### ${index}` }),
  ).join("\n");

let fileCount = 0;

function file(content: string): string {
  const path = join(scratch, `${fileCount++}.jsonl`);
  writeFileSync(path, content);
  return path;
}

test("a single file gives its last tenth to the test split", async () => {
  const { train, test: held } = await readGsm8k(file(`${lines(30)}\n`));
  expect([train.length, held.length]).toEqual([27, 3]);
  expect(held[0]?.question).toBe("q27");
  expect(gsm8kText(held[0] ?? { question: "", answer: "" })).toBe("Question: q27\nAnswer: a27 #### 27\n");
});

test("a source gives its two splits", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  const { train, test: held } = await readGsm8k(
    memorySource({ "train.jsonl": text(`\uFEFF${lines(3)}`), "test.jsonl": text(lines(2)) }),
  );
  expect([train.length, held.length, train[2]?.question]).toEqual([3, 2, "q2"]);
  const bad = memorySource({ "train.jsonl": text(lines(3)), "test.jsonl": text(`${lines(1)}\n{`) }, "hub");
  await expect(readGsm8k(bad)).rejects.toThrowError(/^hub\/test\.jsonl, line 2: not valid JSON/);
  await expect(readGsm8k(memorySource({}))).rejects.toMatchObject({ code: "file-not-found" });
});

test("a bad line is named by file and number", async () => {
  await expect(readGsm8k(file(`${lines(2)}\nno json`))).rejects.toThrowError(/line 3: not valid JSON/);
  await expect(readGsm8k(file(`${lines(2)}\n{"question": 1}`))).rejects.toThrowError(/line 3: expected the texts/);
  await expect(readGsm8k(file(lines(1)))).rejects.toThrowError(/too few/);
  await expect(readGsm8k(join(scratch, "nowhere"))).rejects.toThrowError(
    expect.objectContaining({ code: "file-not-found" }),
  );
});

test("a solution as a program: steps are comments, calculations are code", () => {
  const problem = {
    question: "How many?",
    answer: "She sold 48/2 = <<48/2=24>>24 in May.\nThat is 48+24 = <<48+24=72>>72 in all.\n#### 72",
  };
  expect(gsm8kAnswer(problem)).toBe("72");
  expect(gsm8kProgram(problem)).toBe(
    "# She sold 48/2 = 24 in May.\nresult = 48/2\n# That is 48+24 = 72 in all.\nresult = 48+24\nprint(result)\n",
  );
  const { question } = problem;
  expect(gsm8kAnswer({ question, answer: "x\n#### -1,234.5" })).toBe("-1234.5");
  expect(gsm8kAnswer({ question, answer: "no mark" })).toBeUndefined();
  expect(gsm8kProgram({ question, answer: "<<2*3=6>>6\n#### 7" })).toBeUndefined();
  expect(gsm8kProgram({ question, answer: "<<__import__('os')=6>>6\n#### 6" })).toBeUndefined();
  expect(gsm8kProgram({ question, answer: "just six\n#### 6" })).toBeUndefined();
});

describeWhere(sharedData(), "no real data here (SST_DATA_DIR)", "the real data set", () => {
  test("has as many problems as it is known for", async () => {
    const { train, test: held } = await readGsm8k(join(sharedData() as string, "gsm8k"));
    expect([train.length, held.length]).toEqual([7473, 1319]);
    expect(held.every((problem) => gsm8kAnswer(problem) !== undefined)).toBe(true);
    // Nine of ten solutions end with a marked calculation of the answer, of numbers alone.
    expect(train.filter((problem) => gsm8kProgram(problem) !== undefined).length).toBe(6827);
  });
});

test("as tokens the answer begins where the question alone would have gone on otherwise", () => {
  // Tokens of two characters: what is left of the question grows together with the answer's first character, or not.
  const pairs = (text: string) =>
    Array.from(text.match(/.{1,2}/gs) ?? [], (pair) => pair.charCodeAt(0) * 256 + (pair.charCodeAt(1) || 0));
  const tokenizer = { encode: pairs } as unknown as Tokenizer;
  for (const question of ["odd", "even"]) {
    const text = `Question: ${question}\nAnswer: 7\n`;
    const { tokens, answerStart } = gsm8kTokens({ question, answer: "7" }, tokenizer);
    expect(tokens).toEqual(pairs(text));
    // The space before the answer is the first that the question alone does not have.
    expect(answerStart).toBe(Math.floor(text.indexOf(" 7") / 2));
  }
});
