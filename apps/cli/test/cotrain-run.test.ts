/** Co-training as runs that keep themselves: interrupted by Ctrl-C, resumed to the bit, logged side by side. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commandIn, interrupted, logOf, sst } from "./run-sst.js";

const data = sharedData() as string;
const scratch = mkdtempSync(join(tmpdir(), "sst-cotrain-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const variants = ["baseline", "stream"] as const;

describeWhere(data, "no real data here (SST_DATA_DIR)", "sst cotrain", () => {
  const problems = join(scratch, "problems.jsonl");
  const base = ["cotrain", "--model", join(data ?? "", "stories260K"), "--data", problems, "--backend", "cpu"];
  const sizes = ["--steps", "40", "--length", "16", "--batch-size", "2", "--accumulate", "2", "--eval-rows", "2"];
  const auto = ["--solver", "auto", "--tolerance", "1e-2", "--review-every", "15"];
  const quick = [...base, ...sizes, ...auto, "--eval-every", "20", "--keep-best"];
  const whole = join(scratch, "whole");

  function expectSame(out: string): void {
    for (const variant of variants) {
      const files = readdirSync(join(whole, variant));
      expect(files).toContain("adapter_model.safetensors");
      for (const file of files) {
        const [given, expected] = [out, whole].map((folder) => readFileSync(join(folder, variant, file)));
        expect(given?.equals(expected as Buffer), `${variant}/${file}`).toBe(true);
      }
    }
  }

  beforeAll(async () => {
    const sums = Array.from({ length: 40 }, (_, n) => ({ question: `${n} and ${n}?`, answer: `${2 * n}.` }));
    writeFileSync(problems, sums.map((each) => `${JSON.stringify(each)}\n`).join(""));
    expect(await sst(...quick, "--out", whole)).toMatchObject({ code: 0, stderr: /stream loss.*layerwise.*baseline/ });
  }, 120_000);

  test("with --run: both variants end as those that were not interrupted, and so do their logs", async () => {
    const [out, run] = [join(scratch, "kept"), join(scratch, "run")];
    const stopped = await interrupted(...quick, "--out", out, "--run", run, "--checkpoint-every", "7");
    expect(stopped).toMatchObject({ code: 130, stderr: /interrupted after step \d+\. Resume with: sst cotrain/ });
    expect(existsSync(out)).toBe(false);
    expect(await sst(...commandIn(stopped.stderr))).toMatchObject({ code: 0 });
    expectSame(out);
    for (const variant of variants) {
      const log = logOf(join(run, variant));
      const stepsOf = (kind: string) => log.filter(({ event }) => event === kind).map(({ step }) => step);
      expect(stepsOf("step")).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
      expect(stepsOf("evaluation")).toEqual([20, 40]);
      expect(stepsOf("solver")).toEqual(variant === "stream" ? [1, 16, 31] : []);
      expect(log.every((event) => event.variant === variant)).toBe(true);
      expect(readdirSync(join(run, variant, "checkpoints")).at(-1)).toBe("step-00000040.safetensors");
    }
  }, 120_000);

  test("without it, their state is kept beside --out", async () => {
    const out = join(scratch, "beside");
    const { code, stderr } = await interrupted(...quick, "--out", out);
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: /--run \S+beside\.run --resume/ });
    expect(await sst(...commandIn(stderr))).toMatchObject({ code: 0 });
    expectSame(out);
  }, 120_000);

  test("is not resumed with other settings, and not begun over an earlier run", async () => {
    const refused = async (pattern: RegExp, ...parameters: string[]) => {
      const ended = await sst(...base, ...sizes, "--out", join(scratch, "refused"), ...parameters);
      expect(ended).toMatchObject({ code: 1, stdout: "", stderr: pattern });
    };
    const run = join(scratch, "settings");
    const once = ["--steps", "1", "--run", run];
    expect(await sst(...base, ...sizes, "--out", join(scratch, "one"), ...once)).toMatchObject({ code: 0 });
    await refused(/steps was 1, but this run has 2/, ...once, "--steps", "2", "--resume");
    await refused(/holdsOut was false, but this run has true/, ...once, "--eval-every", "1", "--resume");
    await refused(/checkpoints of an earlier run, up to step 1/, ...once);
    await refused(/--resume needs --run/, "--resume");
    await refused(/--keep-best.*--eval-every/, "--keep-best");
    await refused(/unknown option '--patience'/, "--patience", "2");
  }, 120_000);
});
