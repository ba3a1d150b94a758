/** `sst generate` on a text model: policies, sampling, stop texts and several samples, as a user asks for them. */
import "@sst/backend-cpu";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GenerateOptions, generate } from "@sst/infer";
import { Probe } from "@sst/layers";
import { loadModel, loadTokenizer, writeProbe } from "@sst/loaders";
import { ready } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sst } from "./run-sst.js";
import { writeSmallChatModel } from "./serve/small-chat-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-generate-"));
const folder = join(scratch, "small-chat");
const prompt = "What is it?";

beforeAll(async () => {
  await ready({ backend: "cpu" });
  await writeSmallChatModel(folder);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const run = (...flags: string[]) =>
  sst("generate", "--model", folder, "--backend", "cpu", "--prompt", prompt, "--max-new-tokens", "12", ...flags);

interface Told {
  readonly continuation: string;
  readonly tokens: number[];
  readonly seed: number;
  readonly reason: string;
  readonly newTokens: number;
  readonly iterations: number;
}

async function told(...flags: string[]): Promise<Told[]> {
  const { code, stdout, stderr } = await run("--json", ...flags);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
}

/** What `generate` of the library gives, token by token and without a session. */
async function byLibrary(options: Partial<GenerateOptions>): Promise<number[]> {
  using model = await loadModel(folder);
  const tokenizer = await loadTokenizer(folder);
  const tokens: number[] = [];
  const all = { maxNewTokens: 12, stopTokens: [tokenizer.endToken ?? -1], ...options };
  for await (const token of generate(model, tokenizer.encode(prompt), all)) tokens.push(token);
  return tokens;
}

describe("deliberation", () => {
  test("a fixed number is the same said either way, and what the library gives", async () => {
    const expected = await byLibrary({ iterations: 3 });
    for (const flags of [
      ["--iterations", "3"],
      ["--deliberation", "fixed:3"],
    ]) {
      const [one] = await told(...flags);
      expect(one).toMatchObject({ tokens: expected, newTokens: 12, iterations: 36, reason: "length" });
    }
  });

  test("a policy that looks on reads the prompt once: never content it is the maximum, at once content it is one", async () => {
    const deep = await byLibrary({ iterations: 3, promptIterations: 1 });
    const shallow = await byLibrary({});
    expect(deep).not.toEqual(shallow);
    for (const [policy, tokens] of [
      ["until-converged:tolerance=0,maximum=3", deep],
      ["until-decided:entropy-nats=0,maximum=3", deep],
      ["until-decided:entropy-nats=100,maximum=3", shallow],
    ] as const) {
      const [one] = await told("--deliberation", policy);
      expect(one).toMatchObject({ tokens, iterations: tokens === deep ? 36 : 12 });
    }
  });

  test("the probe beside the model sets the depth; without one it is refused with the way to get it", async () => {
    const refused = await run("--deliberation", "probe:maximum=3");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^error: .*probe beside the model.*there is none: train one with sst probe train/);
    using model = await loadModel(folder);
    const size = model.config.numHiddenLayers * model.config.hiddenSize;
    const zeros = new Float32Array(size);
    const scale = new Float32Array(size).fill(1);
    for (const [bias, iterations] of [
      [1, 36],
      [-1, 12],
    ] as const) {
      const probe = new Probe({ mean: zeros, scale, weights: zeros, bias });
      await writeProbe(folder, probe, { format_version: 1 }, { overwrite: true });
      expect(await told("--deliberation", "probe:maximum=3")).toMatchObject([{ iterations }]);
      // The probability is that of the bias alone, 0.73 or 0.27.
      expect(await told("--deliberation", "probe:threshold=0.2,maximum=3")).toMatchObject([{ iterations: 36 }]);
    }
  });
});

describe("sampling", () => {
  test("several samples are those of their seeds, from one reading of the prompt", async () => {
    const drawing = ["--temperature", "1.2", "--top-k", "40", "--min-p", "0.01"];
    const samples = await told(...drawing, "--samples", "3", "--seed", "4");
    expect(samples.map(({ seed }) => seed)).toEqual([4, 5, 6]);
    for (const sample of samples) {
      const [alone] = await told(...drawing, "--seed", String(sample.seed));
      expect(alone).toMatchObject({ tokens: sample.tokens, continuation: sample.continuation });
    }
    expect(new Set(samples.map(({ continuation }) => continuation)).size).toBe(3);
    const { stdout } = await run(...drawing, "--samples", "3", "--seed", "4");
    const texts = samples.map(
      ({ continuation }, at) => `--- ${at + 1} of 3, seed ${at + 4}\n${prompt}${continuation}\n`,
    );
    expect(stdout).toBe(texts.join(""));
  });

  test("penalties reach the logits", async () => {
    for (const [flag, options] of [
      ["--repetition-penalty", { repetitionPenalty: 1000 }],
      ["--presence-penalty", { presencePenalty: 1000 }],
      ["--frequency-penalty", { frequencyPenalty: -1000 }],
    ] as const) {
      const [value] = Object.values(options);
      const [one] = await told(flag, String(value));
      expect(one?.tokens).toEqual(await byLibrary(options));
    }
    // Once a token is said and rewarded for it, no other comes.
    const [, , ...rest] = (await told("--frequency-penalty", "-1000"))[0]?.tokens ?? [];
    expect(new Set(rest).size).toBe(1);
  });

  test("a stop text ends it and is no part of it, wherever the tokens are cut", async () => {
    const [whole] = await told();
    const text = whole?.continuation ?? "";
    const stop = text.slice(5, 8);
    const [one] = await told("--stop", "never there", "--stop", stop);
    expect(one).toMatchObject({ continuation: text.slice(0, text.indexOf(stop)), reason: "stop-text" });
    const { stdout } = await run("--stop", stop);
    expect(stdout).toBe(`${prompt}${one?.continuation}\n`);
  });
});

describe("refused, with the option and what to do", () => {
  for (const [message, ...flags] of [
    [/--deliberation.*cannot be used with.*--iterations/, "--iterations", "2", "--deliberation", "fixed:2"],
    [/--deliberation.*until-converged needs maximum; there are/, "--deliberation", "until-converged:tolerance=1"],
    [/--top-k says what to draw from, but temperature 0 .* add --temperature/, "--top-k", "4"],
    [/--samples 2 at temperature 0 .* add --temperature/, "--samples", "2"],
    [/--top-p.*above 0 and at most 1/, "--temperature", "1", "--top-p", "0"],
    [/--min-p.*from 0 to 1/, "--temperature", "1", "--min-p", "2"],
    [/--repetition-penalty.*above 0/, "--repetition-penalty", "0"],
    [/--presence-penalty.*should be a number\./, "--presence-penalty", "much"],
    [/--stop.*should not be empty/, "--stop", ""],
    [/a model with one, switched on/, "--deliberation", "until-converged:tolerance=1,maximum=2", "--stream-off"],
  ] as const) {
    test(flags.join(" "), async () => {
      const { code, stdout, stderr } = await run(...flags);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/\n\s+at /);
    });
  }
});
