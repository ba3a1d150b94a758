/** `sst plan` from outside: the figures of a model whose weights are not there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sst } from "./run-sst.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-plan-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Gemma 3 27B as it is published: a text part with fields left out, beside a vision tower. */
const gemma = {
  model_type: "gemma3",
  text_config: {
    head_dim: 128,
    hidden_size: 5376,
    intermediate_size: 21504,
    model_type: "gemma3_text",
    num_attention_heads: 32,
    num_hidden_layers: 62,
    num_key_value_heads: 16,
    query_pre_attn_scalar: 168,
    rope_scaling: { factor: 8, rope_type: "linear" },
    sliding_window: 1024,
  },
  vision_config: { hidden_size: 1152 },
};

function folderWith(config: object): string {
  const folder = mkdtempSync(join(scratch, "model-"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}

const planned = async (...parameters: string[]) => {
  const { code, stdout, stderr } = await sst("plan", "--backend", "cpu", "--json", ...parameters);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
};

test("the paper's figures, in words, from a folder and from the path of a config", async () => {
  const folder = folderWith(gemma);
  for (const model of [folder, join(folder, "config.json")]) {
    const { code, stdout } = await sst("plan", "--backend", "cpu", "--model", model);
    expect(code).toBe(0);
    expect(stdout).toContain("27,009,346,304 backbone, 333,312 stream");
    expect(stdout).toContain("The latent states of a sequence take 651 KiB in bfloat16");
    expect(stdout).toMatch(/cpu .*4 GiB .*everything together .*TOO LARGE/);
    expect(stdout).toMatch(/any WebGPU device .*maxStorageBufferBindingSize .*128 MiB .*embed_tokens.*TOO LARGE/);
  }
});

test("packed weights, a shorter context, several sequences", async () => {
  const model = folderWith(gemma);
  const whole = await planned("--model", model, "--context", "4096");
  const packed = await planned("--model", model, "--context", "4096", "--quantize", "int4", "--batch-size", "3");
  const bytesOf = (plan: typeof whole, name: string) =>
    plan.parts.find((part: { name: string }) => part.name === name).sizeBytes;
  expect(bytesOf(packed, "kv-cache")).toBe(3 * bytesOf(whole, "kv-cache"));
  // 4.5 bits for 32 in the matrices; the embedding stays, and its packed copy is the head.
  const embedding = 262_208 * 5376;
  const matrices = (whole.parameters.backbone - embedding) * 4;
  expect(bytesOf(packed, "weights") / (matrices * (4.5 / 32) + embedding * (4 + 4.5 / 8))).toBeCloseTo(1, 3);
  expect(whole.limits.find(({ device }: { device: string }) => device === "this machine").neededBytes).toBe(
    whole.totalBytes,
  );
});

test("a training of adapters, and one of everything", async () => {
  const model = folderWith(gemma);
  const lora = await planned(
    "--model",
    model,
    "--train",
    "lora",
    "--rank",
    "16",
    "--quantize",
    "nf4",
    "--length",
    "256",
  );
  const all = await planned("--model", model, "--train", "all", "--length", "256", "--recompute");
  expect(lora.parameters.trained).toBe(lora.parameters.adapters + 333_312);
  expect(all.parameters.trained).toBe(all.parameters.backbone + 333_312);
  const names = (plan: typeof all) => plan.parts.map(({ name }: { name: string }) => name);
  expect(names(lora)).toEqual(["weights", "stream", "adapters", "gradients", "optimiser", "activations"]);
  expect(names(all)).toEqual(["weights", "stream", "gradients", "optimiser", "activations"]);
});

test("the plain backbone has no stream", async () => {
  const { parameters, parts } = await planned("--model", folderWith(gemma), "--stream-off");
  expect(parameters.stream).toBe(0);
  expect(parts.map(({ name }: { name: string }) => name)).not.toContain("stream");
});

describe("refused", () => {
  const cases: [string, () => string[], RegExp][] = [
    ["a model that there is not", () => [join(scratch, "nowhere")], /no folder/],
    ["a config of another kind", () => [folderWith({ model_type: "mamba" })], /model_type is "mamba"/],
    [
      "a context beyond the model's",
      () => [folderWith(gemma), "--context", "200000"],
      /200000 is beyond the model's 131072/,
    ],
    ["training what is packed", () => [folderWith(gemma), "--train", "all", "--quantize", "int8"], /cannot be trained/],
    ["training a stream that is off", () => [folderWith(gemma), "--train", "theta", "--stream-off"], /leaves out/],
  ];
  for (const [title, parameters, message] of cases) {
    test(title, async () => {
      const { code, stdout, stderr } = await sst("plan", "--model", ...parameters());
      expect(stderr).toMatch(message);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    });
  }
});
