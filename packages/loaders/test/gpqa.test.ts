/** GPQA's CSV: quoted texts come through, and what is wrong is named without being quoted. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gpqaQuestion, hubSource, memorySource, readGpqa } from "@sst/loaders";
import { afterAll, expect, test } from "vitest";
import { repository, startHub } from "./fake-hub.js";

const folder = mkdtempSync(join(tmpdir(), "sst-gpqa-"));
afterAll(() => rmSync(folder, { recursive: true }));

const header =
  "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3,Canary String";

function file(text: string): string {
  const path = join(folder, "questions.csv");
  writeFileSync(path, text);
  return path;
}

test("questions with quotes, commas and lines of their own", async () => {
  const path = file(
    `\uFEFF${header}\r\nrec1,"What is ""it"",\nreally?", right ,"wrong, 1",wrong 2,wrong 3,canary\r\n,Second?,a,b,c,d,canary\r\n`,
  );
  expect(await readGpqa(path)).toEqual([
    {
      id: "rec1",
      question: 'What is "it",\nreally?',
      correct: "right",
      incorrect: ["wrong, 1", "wrong 2", "wrong 3"],
    },
    { id: "2", question: "Second?", correct: "a", incorrect: ["b", "c", "d"] },
  ]);
});

test("from a source, by the name that its authors gave it or another", async () => {
  const row = "rec1,Q?,a,b,c,d,canary";
  const bytes = new TextEncoder().encode(`${header}\n${row}\n`);
  const source = memorySource(
    { "gpqa_diamond.csv": bytes, "main.csv": new TextEncoder().encode(`${header}\n${row}\n${row}\n`) },
    "hub",
  );
  expect(await readGpqa(source)).toHaveLength(1);
  expect(await readGpqa(source, "main.csv")).toHaveLength(2);
  const bad = memorySource(
    { "gpqa_diamond.csv": new TextEncoder().encode(`${header}\nrec1,secret,,secret,secret,secret\n`) },
    "hub",
  );
  const error = await readGpqa(bad).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "file-corrupt", message: expect.stringMatching(/^hub\/gpqa_diamond\.csv/) });
  expect(`${error.message}${error.cause ?? ""}`).not.toMatch(/secret/);
});

test("from a data set on the hub, which is gated", async () => {
  const bytes = new TextEncoder().encode(`${header}\nrec1,Q?,a,b,c,d,canary\n`);
  const hub = await startHub({ "gpqa_diamond.csv": bytes }, undefined, { token: "mine" });
  const options = { endpoint: hub.endpoint, cacheDir: join(folder, "cache"), retries: 0 };
  try {
    const id = `hf://datasets/${repository}`;
    const source = await hubSource(id, { ...options, token: "mine" });
    expect(source.location).toBe(`${id}@main`);
    expect(await readGpqa(source)).toMatchObject([{ id: "rec1", correct: "a" }]);
    expect(hub.hub.asked.every(({ path }) => path.includes(`datasets/${repository}`))).toBe(true);
    await expect(hubSource(id, { ...options, token: "another" })).rejects.toMatchObject({ code: "access-denied" });
  } finally {
    await hub.close();
  }
});

test("as a prompt: all four answers as choices, the right one under each letter about as often, the same for the same seed", () => {
  const counts = new Map<string, number>();
  for (let number = 0; number < 400; number++) {
    const question = { id: `rec${number}`, question: "Which?", correct: "right", incorrect: ["x", "y", "z"] };
    const { prompt, letter } = gpqaQuestion(question, 5);
    expect(gpqaQuestion(question, 5)).toEqual({ prompt, letter });
    const lines = prompt.split("\n");
    expect([lines[0], lines.at(-1)]).toEqual(["Question: Which?", "Answer:"]);
    const choices = Object.fromEntries(lines.slice(1, -1).map((line) => line.split(". ")));
    expect(Object.keys(choices)).toEqual(["A", "B", "C", "D"]);
    expect(Object.values(choices).sort()).toEqual(["right", "x", "y", "z"]);
    expect(choices[letter]).toBe("right");
    counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  // 100 each are expected; four standard deviations are 35.
  for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(35);
  const orders = [0, 1, 2, 3].map(
    (seed) => gpqaQuestion({ id: "1", question: "", correct: "r", incorrect: ["x", "y", "z"] }, seed).prompt,
  );
  expect(new Set(orders).size).toBeGreaterThan(1);
});

test("what is wrong is named by its place, and not shown", async () => {
  const missing = file(`${header}\nrec1,secret question,,secret,secret,secret,canary\n`);
  await expect(readGpqa(missing)).rejects.toMatchObject({
    code: "file-corrupt",
    message: expect.stringMatching(/row 1: the column "Correct Answer" is missing or empty$/),
  });
  for (const [text, pattern] of [
    ["Question,Answer\nsecret,secret\n", /row 1: the column "Correct Answer"/],
    [`${header}\nrec1,"secret" secret,a,b,c,d,e\n`, /not valid CSV, line 2/],
    [`${header}\nrec1,secret\n`, /not valid CSV, line 2/],
    [header, /no questions/],
  ] as const) {
    const error = await readGpqa(file(text)).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "file-corrupt" });
    expect(error.message).toMatch(pattern);
    expect(`${error.message}${error.cause ?? ""}`).not.toMatch(/secret/);
  }
  await expect(readGpqa(join(folder, "none.csv"))).rejects.toMatchObject({ code: "file-not-found" });
});
