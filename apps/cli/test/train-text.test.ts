/** Training a real model on real text: what is trained, what is packed, and data that changes under the run. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sst } from "./run-sst.js";

const data = sharedData() as string;
const scratch = mkdtempSync(join(tmpdir(), "sst-text-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describeWhere(data, "no real data here (SST_DATA_DIR)", "sst train on texts", () => {
  const stories = join(data ?? "", "stories260K");
  const problems = join(scratch, "problems.jsonl");
  const base = ["train", "--model", stories, "--data", problems, "--backend", "cpu"];
  const small = ["--length", "64", "--batch-size", "2", "--json"];

  beforeAll(() => {
    const sums = Array.from({ length: 40 }, (_, n) => ({
      question: `What is ${n} and ${n}?`,
      answer: `It is ${2 * n}.`,
    }));
    writeFileSync(problems, sums.map((each) => `${JSON.stringify(each)}\n`).join(""));
  });

  const parts: [string, string[], RegExp][] = [
    ["adapters beside a packed backbone", ["--quantize", "nf4", "--targets", "*.[qv]_proj", "--recompute"], /adapter/],
    ["thetas alone", ["--train", "theta"], /state_stream/],
    ["all of it", ["--train", "all", "--stream-off"], /model/],
  ];
  for (const [what, options, changed] of parts) {
    test(`${what}: the loss falls, and the rest of the model stays as it was`, { timeout: 120_000 }, async () => {
      const lossAfter = async (steps: string, out: string) => {
        const more = ["--steps", steps, "--out", out, "--pack", "--answers-only", "--learning-rate", "1e-2"];
        const { code, stderr, stdout } = await sst(...base, ...small, ...options, ...more);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        return JSON.parse(stdout).evaluation.loss as number;
      };
      const [short, long] = [join(scratch, `${what} 1`), join(scratch, `${what} 12`)];
      expect(await lossAfter("12", long)).toBeLessThan(await lossAfter("1", short));
      for (const file of readdirSync(long)) {
        const isSame = readFileSync(join(long, file)).equals(readFileSync(join(short, file)));
        if (/safetensors/.test(file)) expect(isSame, file).toBe(!isTrained(file, changed));
      }
      const said = await sst("generate", "--model", long, "--prompt", "Question:", "--max-new-tokens", "3");
      expect(said.code).toBe(0);
    });
  }

  /** Thetas go along with adapters. */
  function isTrained(file: string, changed: RegExp): boolean {
    return changed.test(file) || (changed.source === "adapter" && file.startsWith("state_stream"));
  }

  test("data that changes under the run ends it with a checkpoint, from which it goes on when the data is back", async () => {
    const [copy, run] = [join(scratch, "changing.jsonl"), join(scratch, "run")];
    cpSync(problems, copy);
    const steps = ["--steps", "400", "--run", run, "--checkpoint-every", "3"];
    const parameters = ["train", "--model", stories, "--data", copy, "--backend", "cpu", ...small, ...steps];
    const running = sst(...parameters);
    const log = join(run, "log.jsonl");
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const text = existsSync(log) ? readFileSync(log, "utf8") : "";
      if (text.includes('"checkpoint"')) break;
    }
    writeFileSync(copy, "");
    expect(await running).toMatchObject({ code: 1, stdout: "", stderr: /changing\.jsonl had \d+ bytes and has 0/ });
    const saved = readdirSync(join(run, "checkpoints")).at(-1);
    cpSync(problems, copy);
    writeFileSync(copy, `${readFileSync(copy, "utf8")}\n`);
    const other = await sst(...parameters, "--resume");
    expect(other).toMatchObject({ code: 1, stderr: /file \d+ \(changing\.jsonl\) was "[0-9a-f]+", but this run has/ });
    cpSync(problems, copy);
    const step = Number(saved?.match(/\d+/)?.[0]);
    expect(step).toBeLessThan(400);
    expect(await sst(...parameters, "--resume")).toMatchObject({ code: 0 });
  }, 180_000);

  test("contradictions are refused before anything is trained", async () => {
    const refused = async (pattern: RegExp, ...parameters: string[]) => {
      expect(await sst(...parameters)).toMatchObject({ code: 1, stdout: "", stderr: pattern });
    };
    await refused(/packed \(--quantize int4\) cannot be trained/, ...base, "--train", "all", "--quantize", "int4");
    await refused(/--train theta.*--stream-off/, ...base, "--train", "theta", "--stream-off");
    await refused(/context of 512/, ...base, "--length", "513");
    await refused(/no linear layer matches "z_proj"/, ...base, "--targets", "z_proj");
    await refused(/--task.*or --model with --data/, "train", "--model", stories);
    await refused(/quantize goes with --model/, "train", "--task", "parity", "--quantize", "int8");
  });
});
