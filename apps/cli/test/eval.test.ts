/** `sst eval --benchmark` from outside: what it prints and writes, how it goes on after a kill, and what it refuses. */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sst } from "./run-sst.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const scratch = mkdtempSync(join(tmpdir(), "sst-eval-"));
const model = join(scratch, "model");
const baseline = join(scratch, "baseline");
const at = (name: string) => join(scratch, name);
const records = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  const quick = ["--task", "s3", "--steps", "3", "--length", "6", "--batch-size", "4"];
  expect((await sst("train", ...quick, "--out", model)).code).toBe(0);
  expect((await sst("train", ...quick, "--out", baseline, "--stream-off")).code).toBe(0);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const task = ["eval", "--model", model, "--benchmark", "task", "--task", "s3", "--length", "5", "--sequences", "40"];

describe("sst eval --benchmark task", () => {
  test("prints each depth, the union under its name, the baseline and the differences", async () => {
    const { code, stdout } = await sst(...task, "--baseline", baseline);
    expect(code).toBe(0);
    for (const row of ["depth 1", "depth 2", "depth 3", "depth 4", "baseline"])
      expect(stdout).toMatch(new RegExp(`│ ${row} `));
    expect(stdout).toMatch(/difference.*95 % interval.*p.*error reduction/);
    expect(stdout).toMatch(/union over depths: .* this is no accuracy/);
    expect(stdout).not.toMatch(/│ union/);
  });

  test("as JSON, and every verdict in the file", async () => {
    const out = at("task.jsonl");
    const { stdout } = await sst(...task, "--baseline", baseline, "--depths", "1,3", "--out", out, "--json");
    const { rows, unionOverDepths, baseline: beside, questions } = JSON.parse(stdout);
    expect(questions).toBe(40);
    expect(rows.map(({ name }: { name: string }) => name)).toEqual(["depth 1", "depth 3"]);
    const right = records(out).filter(({ row, correct }) => row === "depth 3" && correct).length;
    expect(rows[1].accuracy).toBe(right / 40);
    expect(unionOverDepths.share).toBeGreaterThanOrEqual(Math.max(rows[0].accuracy, rows[1].accuracy));
    const rightBaseline = records(at("task.baseline.jsonl")).filter(({ correct }) => correct).length;
    expect(beside.accuracy).toBe(rightBaseline / 40);
    expect(rows[0].comparison.difference).toBeCloseTo(rows[0].accuracy - beside.accuracy, 9);
    expect(rows[1].flops).toBeGreaterThan(rows[0].flops);
  });

  test("killed while it writes, it goes on: the file and the result are those of one run", async () => {
    const whole = at("whole.jsonl");
    const expected = await sst(...task, "--out", whole, "--json");
    const out = at("killed.jsonl");
    const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));
    const child = spawn(process.execPath, [program, ...task, "--out", out], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("close", resolve));
    while (!existsSync(out) || readFileSync(out, "utf8").split("\n").length < 20) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    child.kill("SIGKILL");
    await ended;
    expect(readFileSync(out, "utf8").length).toBeLessThan(readFileSync(whole, "utf8").length);
    appendFileSync(out, '{"row":"depth');
    const refused = await sst(...task, "--out", out);
    expect(refused.stderr).toMatch(/exists already/);
    const resumed = await sst(...task, "--out", out, "--resume", "--json");
    expect(JSON.parse(resumed.stdout)).toEqual(JSON.parse(expected.stdout));
    expect(readFileSync(out, "utf8")).toBe(readFileSync(whole, "utf8"));
    const other = await sst(...task.with(2, baseline), "--out", out, "--resume");
    expect(other.stderr).toMatch(/holds another evaluation: its model is/);
  });

  test("refuses what does not fit", async () => {
    for (const [pattern, ...flags] of [
      [/--iterations does not apply/, ...task, "--iterations", "2"],
      [/--shots does not apply to task/, ...task, "--shots", "2"],
      [/--resume.*--out/, ...task, "--resume"],
      [/--depths.*whole numbers/, ...task, "--depths", "1,x"],
      [/needs --task/, "eval", "--model", model, "--benchmark", "task"],
      [/needs --data/, "eval", "--model", model, "--benchmark", "gsm8k"],
      [/--depths does not apply without --benchmark/, "eval", "--model", model, "--task", "s3", "--depths", "1"],
      [/say what to evaluate/, "eval", "--model", model],
      [/depth 2 iterates the state stream/, ...task.with(2, baseline), "--depths", "2"],
    ] as [RegExp, ...string[]][]) {
      const { code, stdout, stderr } = await sst(...flags);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(pattern);
    }
  });
});

const data = sharedData() as string;

describeWhere(data, "no real data here (SST_DATA_DIR)", "a real model of text", () => {
  const stories = join(data ?? "", "stories260K");
  const gsm8k = ["--data", join(data ?? "", "gsm8k"), "--limit", "2", "--max-new-tokens", "12"];

  test("GSM8K as text, with solved problems before", async () => {
    const out = at("gsm8k.jsonl");
    const flags = ["eval", "--model", stories, "--benchmark", "gsm8k", ...gsm8k, "--out", out, "--json"];
    const { code, stdout } = await sst(...flags);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).rows).toHaveLength(1);
    const [first] = records(out);
    expect(first.prompt).toMatch(/^Question: Janet/);
    expect(first.iterations.length).toBeLessThanOrEqual(12);
    const shot = await sst(...flags.with(flags.indexOf(out), at("shots.jsonl")), "--shots", "1");
    expect(JSON.parse(shot.stdout).questions).toBe(2);
    expect(records(at("shots.jsonl"))[0].prompt.match(/Question:/g)).toHaveLength(2);
  });

  test("GSM8K as programs: what a story model writes is no Python, and counted as wrong", async () => {
    const out = at("code.jsonl");
    const { code, stdout } = await sst(
      ...["eval", "--model", stories, "--benchmark", "gsm8k-code", ...gsm8k, "--out", out, "--json"],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).rows[0].accuracy).toBe(0);
    for (const { detail } of records(out)) expect(detail).toMatch(/finished|raised|does not fit/);
  });

  test("GPQA: what it prints has nothing of the questions", async () => {
    const path = at("gpqa.csv");
    const header = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3";
    writeFileSync(path, `${header}\n${[1, 2, 3].map((n) => `hush${n}?,hush a,hush b,hush c,hush d`).join("\n")}\n`);
    const flags = ["eval", "--model", stories, "--benchmark", "gpqa", "--data", path, "--max-new-tokens", "8"];
    for (const json of [[], ["--json"]]) {
      const { code, stdout, stderr } = await sst(...flags, ...json);
      expect(code).toBe(0);
      expect(stdout).toMatch(/gpqa-diamond/);
      expect(stdout + stderr).not.toMatch(/hush/);
    }
  });

  test("perplexity of a text, beside a baseline", async () => {
    const path = at("story.txt");
    writeFileSync(path, "Once upon a time, there was a little girl named Lily. She loved to play outside in the park.");
    const flags = ["eval", "--model", stories, "--benchmark", "perplexity", "--data", path, "--baseline", stories];
    const { stdout } = await sst(...flags, "--json");
    const { rows, differences } = JSON.parse(stdout);
    expect(rows[0].perplexity).toBeGreaterThan(1);
    expect(rows[0].perplexity).toBeLessThan(5);
    expect(differences[0]).toMatchObject({ mean: 0, interval: { low: 0, high: 0 } });
    expect((await sst(...flags)).stdout).toMatch(/depth 1.*baseline/s);
  });
});
