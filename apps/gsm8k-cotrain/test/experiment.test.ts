/** The experiment as a user starts it: few steps and few questions, all of its files. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, describe, expect, it } from "vitest";
import type { Results } from "../src/results.js";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "sst-cotrain-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function experiment(...parameters: string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, SST_BACKEND: "" } };
    execFile(process.execPath, [program, ...parameters], options, (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

/** What a run has left, after a look at the files that every run leaves. */
function resultsIn(folder: string): Results {
  expect(readFileSync(join(folder, "index.html"), "utf8")).toContain("The paper's table, and ours");
  return JSON.parse(readFileSync(join(folder, "results.json"), "utf8"));
}

function linesOf(folder: string, file: string): { correct: boolean }[] {
  const lines = readFileSync(join(folder, "verdicts/seed-0", file), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line)).filter((line) => "correct" in line);
}

describe("on generated problems", () => {
  it("both models answer the same questions, and every verdict is kept", { timeout: 120_000 }, async () => {
    const folder = join(scratch, "generated");
    const asked = ["--seeds", "1", "--steps", "2", "--questions", "6", "--out", folder];
    expect(await experiment(...asked)).toMatchObject({ code: 0 });
    const { runs, experiment: described } = resultsIn(folder);
    expect(described).toMatchObject({ kind: "generated", alpha: { alphaMax: 0.9 } });
    const [{ sets, curves } = expect.fail("no run")] = runs;
    expect(sets.map(({ role }) => role)).toEqual(["trained", "harder", "harder"]);
    expect(curves.stream.length).toBe(curves.baseline.length);
    for (const [index, sentences] of [6, 9, 12].entries()) {
      const share = (lines: readonly { correct: boolean }[]) => lines.filter(({ correct }) => correct).length / 6;
      expect(share(linesOf(folder, `${sentences}-sentences-baseline.jsonl`))).toBe(sets[index]?.baseline.accuracy);
      expect(sets[index]?.depths.map(({ verdicts }) => verdicts.length)).toEqual([6, 6, 6, 6]);
    }
    expect(readdirSync(join(folder, "models/seed-0")).sort()).toEqual(["backbone", "baseline", "stream"]);
  });

  it("half an experiment is refused before anything is trained", async () => {
    const folder = join(scratch, "none");
    const said = { code: 1, stderr: expect.stringContaining("--model and --data go together") };
    expect(await experiment("--model", scratch, "--out", folder)).toMatchObject(said);
    expect(existsSync(folder)).toBe(false);
  });
});

const data = sharedData();

describeWhere(data, "no real data here (SST_DATA_DIR)", "on a real backbone and GSM8K", () => {
  it("losses, verdicts and models of both", { timeout: 120_000 }, async () => {
    const folder = join(scratch, "real");
    const given = ["--model", join(data ?? "", "stories260K"), "--data", join(data ?? "", "gsm8k"), "--out", folder];
    const small = ["--seeds", "1", "--steps", "2", "--questions", "2", "--max-new-tokens", "4", "--length", "128"];
    expect(await experiment(...given, ...small)).toMatchObject({ code: 0 });
    const { runs, experiment: described } = resultsIn(folder);
    expect(described).toMatchObject({ kind: "real", alpha: { alphaMax: 0.1 } });
    const { stream, baseline, backbone } = runs[0]?.losses ?? expect.fail("no losses");
    for (const loss of [stream, baseline]) expect(loss).toBeLessThan(backbone);
    expect(runs[0]?.sets[0]?.depths.map(({ verdicts }) => verdicts.length)).toEqual([2, 2, 2, 2]);
    expect(linesOf(folder, "gsm8k-backbone.jsonl")).toHaveLength(2);
    expect(readdirSync(join(folder, "models/seed-0")).sort()).toEqual(["baseline", "stream"]);
  });
});
