/** A real pretrained model and real text. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
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
});
