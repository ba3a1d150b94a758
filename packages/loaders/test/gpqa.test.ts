/** GPQA's CSV: quoted texts come through, and what is wrong is named without being quoted. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGpqa } from "@sst/loaders";
import { afterAll, expect, test } from "vitest";

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
