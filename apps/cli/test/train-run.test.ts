/** Runs that keep themselves: interrupted by Ctrl-C, resumed to the bit, logged. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { commandIn, interrupted, logOf, sst } from "./run-sst.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-run-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const quick = ["train", "--task", "parity", "--length", "6", "--batch-size", "4", "--backend", "cpu"];

describe("Ctrl-C", () => {
  const steps = ["--steps", "400"];

  test("saves and says how to resume; what is resumed is the run that was not interrupted, to the byte", async () => {
    const [whole, parts] = [join(scratch, "whole"), join(scratch, "parts")];
    expect((await sst(...quick, ...steps, "--out", whole)).code).toBe(0);
    const { code, stderr } = await interrupted(...quick, ...steps, "--out", parts);
    expect({ code, stderr }).toMatchObject({
      code: 130,
      stderr: /interrupted after step \d+\. Resume with: sst train/,
    });
    expect(existsSync(parts)).toBe(false);
    expect(Number(/after step (\d+)/.exec(stderr)?.[1])).toBeLessThan(400);
    const resumed = await sst(...commandIn(stderr));
    expect(resumed).toMatchObject({ code: 0, stdout: /400 steps/ });
    for (const file of readdirSync(whole)) {
      expect(readFileSync(join(parts, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
    }
  });

  test("with nowhere to save to it says so", async () => {
    const { code, stderr } = await interrupted(...quick, ...steps);
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: /Nothing is kept: there is no --out and no --run/ });
  });
});

describe("--solver auto", () => {
  test("its looks are in the log, and what is resumed between two of them is the run that was not interrupted", async () => {
    const [whole, parts, run] = [join(scratch, "auto-whole"), join(scratch, "auto-parts"), join(scratch, "auto-run")];
    // Held to little, it takes sweeps, but not on a batch that is too short to tell what they are worth.
    const auto = ["--steps", "400", "--solver", "auto", "--tolerance", "0.7", "--review-every", "150"];
    expect((await sst(...quick, ...auto, "--out", whole)).code).toBe(0);
    const { stderr } = await interrupted(...quick, ...auto, "--out", parts, "--run", run);
    const resumed = await sst(...commandIn(stderr));
    expect(resumed).toMatchObject({ code: 0, stderr: /solver layerwise, 2 sweeps/ });
    for (const file of readdirSync(whole)) {
      expect(readFileSync(join(parts, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
    }
    const looks = logOf(run).filter(({ event }) => event === "solver");
    expect(looks.map(({ step, solver }) => [step, solver])).toEqual([
      [1, "layerwise"],
      [151, "sequential"],
      [301, "layerwise"],
    ]);
    expect(looks[0]).toMatchObject({ solver: "layerwise", sweeps: 2, isNew: true, reason: expect.any(String) });
    expect(looks[0].residual).toBe(looks[0].seen[0].residual);
    expect(looks[1].reason).toMatch(/too few/);
  });

  test("is refused where there is nothing to choose", async () => {
    const refused = async (pattern: RegExp, ...parameters: string[]) => {
      const ended = await sst(...quick, "--steps", "3", ...parameters);
      expect(ended).toMatchObject({ code: 1, stdout: "", stderr: pattern });
    };
    await refused(/no state stream.*"auto"/, "--solver", "auto", "--stream-off");
    await refused(/sweeps is not for solver "auto"/, "--solver", "auto", "--sweeps", "3");
    await refused(/tolerance goes with solver "auto"/, "--tolerance", "1e-3");
    await refused(/tolerance should be above 0/, "--solver", "auto", "--tolerance", "0");
    expect(await sst("logits", "--model", ".", "--tokens", "1", "--solver", "auto")).toMatchObject({
      code: 1,
      stderr: /--solver.*auto.*is invalid/,
    });
  });
});

describe("--run", () => {
  test("keeps checkpoints and a log that reads as if the run had never stopped", async () => {
    const run = join(scratch, "run");
    const kept = [...quick, "--steps", "300", "--run", run, "--checkpoint-every", "40", "--eval-every", "50"];
    const { stderr } = await interrupted(...kept);
    const resumed = await sst(...commandIn(stderr), "--json");
    expect(JSON.parse(resumed.stdout)).toMatchObject({
      steps: 300,
      ended: "finished",
      best: { step: expect.any(Number) },
    });
    const log = logOf(run);
    const stepsOf = (kind: string) => log.filter(({ event }) => event === kind).map(({ step }) => step);
    expect(stepsOf("step")).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(stepsOf("evaluation")).toEqual([50, 100, 150, 200, 250, 300]);
    expect(stepsOf("end")).toEqual([300]);
    expect(readdirSync(join(run, "checkpoints")).at(-1)).toBe("step-00000300.safetensors");
    expect(readdirSync(join(run, "checkpoints"))).toHaveLength(3);
  });

  const refused = async (pattern: RegExp, ...parameters: string[]) => {
    expect(await sst(...quick, "--steps", "3", ...parameters)).toMatchObject({ code: 1, stdout: "", stderr: pattern });
  };

  test("other settings, an earlier run's folder, options without what they need", async () => {
    const run = join(scratch, "settings");
    expect((await sst(...quick, "--steps", "2", "--run", run)).code).toBe(0);
    await refused(/steps was 2, but this run has 3/, "--run", run, "--resume");
    await refused(/checkpoints of an earlier run, up to step 2/, "--run", run);
    await refused(/no checkpoint to resume from/, "--run", join(scratch, "none"), "--resume");
    await refused(/--resume needs --run/, "--resume");
    await refused(/--patience.*--eval-every/, "--patience", "3");
    await refused(/--watch.*port/, "--watch", "seventy");
  });
});

describe("--patience and --keep-best", () => {
  test("end the run at an evaluation that brought nothing new", async () => {
    const stopping = [
      "--steps",
      "100000",
      "--learning-rate",
      "0",
      "--eval-every",
      "3",
      "--patience",
      "2",
      "--keep-best",
    ];
    const { stdout } = await sst(...quick, ...stopping, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ ended: "stopped-early", steps: 9, best: { step: 3 } });
  });
});
