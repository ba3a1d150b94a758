/** A real pretrained model and real text. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeWhere, sharedData } from "@sst/vitest-config/helpers";
import { afterAll, expect, test } from "vitest";
import { sst } from "./run-sst.js";

const data = sharedData() as string;
const scratch = mkdtempSync(join(tmpdir(), "sst-real-"));

afterAll(() => rmSync(scratch, { recursive: true }));

describeWhere(data, "no real data here (SST_DATA_DIR)", "stories260K", () => {
  const stories = join(data ?? "", "stories260K");

  test("continues as llama2.c documents for this checkpoint", async () => {
    const parameters = ["--prompt", "Once upon a time", "--max-new-tokens", "60", "--temperature", "0", "--stream-off"];
    const { code, stdout, stderr } = await sst("generate", "--model", stories, ...parameters);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Once upon a time, there was a little girl named Lily\. She loved to play outside in the park\. One day, she saw a big, red ball\./,
    );
    expect(stderr).toMatch(/5 prompt tokens, 60 new ones/);
  });

  test("refuses a continuation that does not fit its context, and an empty prompt", async () => {
    const tooLong = await sst("generate", "--model", stories, "--prompt", "Once", "--max-new-tokens", "5000");
    expect([tooLong.code, tooLong.stdout]).toEqual([1, ""]);
    expect(tooLong.stderr).toMatch(/context is 512/);
    const empty = await sst("generate", "--model", stories, "--prompt", "");
    expect([empty.code, empty.stdout]).toEqual([1, ""]);
    expect(empty.stderr).toMatch(/prompt is empty/);
  });

  test("is refused with a tokenizer that gives more tokens than it knows, by every command that takes both", async () => {
    const folder = join(scratch, "mismatched");
    mkdirSync(folder);
    cpSync(join(stories, "stories260K.bin"), join(folder, "model.bin"));
    // One token more, "q", with a score and its length.
    const [tokenizer, more] = [readFileSync(join(stories, "tok512.bin")), Buffer.alloc(9)];
    more.writeInt32LE(1, 4);
    more.write("q", 8);
    writeFileSync(join(folder, "tokenizer.bin"), Buffer.concat([tokenizer, more]));
    const gsm8k = ["--data", join(data, "gsm8k")];
    for (const parameters of [
      ["generate", "--prompt", "Once"],
      ["train", ...gsm8k],
      ["cotrain", ...gsm8k, "--out", join(scratch, "never")],
      ["eval", "--benchmark", "gsm8k", "--limit", "1", ...gsm8k],
    ]) {
      const { code, stdout, stderr } = await sst(...parameters, "--model", folder);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(
        /mismatched: the tokenizer \(tokenizer\.bin\) gives 513 tokens, but the model .* knows 512/,
      );
    }
  });

  test("is co-trained on GSM8K with its baseline, and both run afterwards", async () => {
    const out = join(scratch, "co");
    const sizes = ["--steps", "6", "--length", "32", "--batch-size", "2", "--eval-rows", "8", "--json"];
    const { code, stdout, stderr } = await sst(
      "cotrain",
      "--model",
      stories,
      "--data",
      join(data, "gsm8k"),
      "--out",
      out,
      ...sizes,
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/stream loss \d.*baseline loss \d/);
    const { test: tested, alpha } = JSON.parse(stdout);
    expect(tested.stream.labels).toBe(8 * 32);
    expect(tested.stream.loss).not.toBe(tested.baseline.loss);
    expect(alpha.min).toBeGreaterThan(0.015);
    expect(alpha.max).toBeLessThan(0.1);
    expect(readdirSync(out).sort()).toEqual(["baseline", "stream"]);
    for (const variant of ["baseline", "stream"]) {
      const generated = await sst(
        "generate",
        "--model",
        join(out, variant),
        "--prompt",
        "Once upon a time",
        "--max-new-tokens",
        "4",
      );
      expect(generated.code).toBe(0);
      expect(generated.stdout).toMatch(/^Once upon a time/);
    }
  });

  test("is trained on GSM8K: adapters beside packed weights, texts packed into rows, answers alone", async () => {
    const out = join(scratch, "adapters");
    const problems = readFileSync(join(data, "gsm8k/train.jsonl"), "utf8").split("\n").slice(0, 40).join("\n");
    const file = join(scratch, "problems.jsonl");
    writeFileSync(file, problems);
    const what = ["train", "--model", stories, "--data", file, "--steps", "2", "--batch-size", "2", "--json"];
    const how = [
      "--pack",
      "--answers-only",
      "--quantize",
      "nf4",
      "--targets",
      "model.layers.*.mlp.*",
      "--length",
      "256",
    ];
    const { code, stdout, stderr } = await sst(...what, ...how, "--out", out);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/step 2\/2/) });
    const { evaluation, steps } = JSON.parse(stdout);
    expect(steps).toBe(2);
    expect(evaluation.labels).toBeGreaterThan(0);
    expect(evaluation.loss).toBeGreaterThan(0);
    const { target_modules: targets } = JSON.parse(readFileSync(join(out, "adapter_config.json"), "utf8"));
    expect(String(targets)).toMatch(/_proj/);
    const generated = await sst("generate", "--model", out, "--prompt", "Once upon a time", "--max-new-tokens", "4");
    expect(generated).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Once upon a time/) });

    const refused = async (...more: string[]) => {
      const { code: failed, stderr: complaint } = await sst(...what, ...more);
      expect(failed).toBe(1);
      return complaint;
    };
    expect(await refused("--answers-only", "--length", "8")).toMatch(/first 8|within 8 tokens/);
    expect(await refused("--train", "all", "--quantize", "int8")).toMatch(/cannot be trained/);
    expect(await refused("--train", "theta", "--stream-off")).toMatch(/--stream-off leaves out/);
    expect(await refused("--task", "s3")).toMatch(/say what to train/);
  });
});
