/** The completer on a real model: its events, its end in every way there is, and its memory. */
import "@sst/backend-cpu";
import { generate, Session } from "@sst/infer";
import { DecoderModel, RowBatch } from "@sst/layers";
import { loadTokenizer, memorySource, type Tokenizer } from "@sst/loaders";
import { memory, ready } from "@sst/tensor";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { tinyModel } from "../../../../packages/layers/test/tiny-model.js";
import { byteLevelTokenizer, json } from "../../../../packages/loaders/test/tokenizer-files.js";
import type { CompletionRequest, GenerationEvent } from "../../src/serve/completer.js";
import { ModelServer } from "../../src/serve/server.js";
import { SessionCompleter } from "../../src/serve/session-completer.js";

let model: DecoderModel;
let tokenizer: Tokenizer;
let completer: SessionCompleter;
let before: Pick<ReturnType<typeof memory>, "tensors" | "bytes">;

function onDevice() {
  const { tensors, bytes } = memory();
  return { tensors, bytes };
}

beforeAll(async () => {
  await ready({ backend: "cpu" });
  before = onDevice();
  model = DecoderModel.fromData(tinyModel({ vocabSize: 259, maxPositionEmbeddings: 512 }));
  tokenizer = await loadTokenizer(
    memorySource({
      "tokenizer.json": json(byteLevelTokenizer()),
      "tokenizer_config.json": json({ eos_token: "<|end|>" }),
    }),
  );
  completer = new SessionCompleter(model, tokenizer, { modelId: "tiny", iterations: 2 });
});
afterAll(() => {
  completer.dispose();
  expect(onDevice()).toEqual(before);
});

const request = (fields: Partial<CompletionRequest> = {}): CompletionRequest => ({
  prompt: tokenizer.encode("Once"),
  maxNewTokens: 8,
  seed: 0,
  stop: [],
  signal: new AbortController().signal,
  // The end token never comes, so that lengths are known.
  logitBias: { 258: -100 },
  ...fields,
});

async function eventsOf(fields: Partial<CompletionRequest> = {}): Promise<GenerationEvent[]> {
  const events = await collected(completer.complete([request(fields)]));
  return events.map(({ choice: _, ...event }) => event);
}

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const textOf = (events: readonly GenerationEvent[]) =>
  events.map((event) => ("text" in event ? event.text : "")).join("");

async function generated(iterations: number, maxNewTokens: number): Promise<number[]> {
  const { prompt, logitBias } = request();
  return await collected(generate(model, prompt, { maxNewTokens, iterations, logitBias: logitBias ?? {} }));
}

test("the tokens of generate, with their text, depth and an end that counts", async () => {
  for (const [deliberation, iterations] of [
    [{}, 2],
    [{ deliberation: { policy: "fixed" as const, iterations: 3 } }, 3],
  ] as const) {
    const tokens = await generated(iterations, 8);
    const events = await eventsOf(deliberation);
    expect(events.slice(0, -1)).toEqual(
      tokens.map((token, index) =>
        expect.objectContaining({ event: "token-delta", index, token, text: expect.any(String), iterations }),
      ),
    );
    expect(textOf(events)).toBe(tokenizer.decode(tokens));
    expect(events.at(-1)).toEqual({
      event: "generation-end",
      reason: "length",
      text: expect.any(String),
      figures: { promptTokens: 4, newTokens: 8, iterations: 8 * iterations, durationMs: expect.any(Number) },
    });
  }
});

test("ends at a stop text, at a stop token, when it is aborted, and when nobody reads on; nothing stays in memory", async () => {
  await eventsOf();
  const warm = onDevice();
  const tokens = await generated(2, 40);
  const text = tokenizer.decode(tokens);
  const stop = text.slice(3, 5);
  const stopped = await eventsOf({ maxNewTokens: 40, stop: [stop] });
  expect(textOf(stopped)).toBe(text.slice(0, text.indexOf(stop)));
  expect(stopped.at(-1)).toMatchObject({ reason: "stop" });

  const ending = await eventsOf({ logitBias: { 258: 100 } });
  expect(ending).toEqual([expect.objectContaining({ reason: "stop", text: "" })]);

  const controller = new AbortController();
  const seen: GenerationEvent[] = [];
  for await (const event of completer.complete([request({ signal: controller.signal })])) {
    seen.push(event);
    if (seen.length === 3) controller.abort(new Error("enough"));
  }
  expect(seen.map((event) => (event.event === "generation-end" ? event.reason : event.event))).toEqual([
    ...Array(3).fill("token-delta"),
    "aborted",
  ]);

  for await (const _event of completer.complete([request()])) break;
  await expect(eventsOf({ prompt: [9999] })).rejects.toThrowError(expect.objectContaining({ code: "unknown-token" }));
  expect(onDevice()).toEqual(warm);
});

test("several at a time give what each gives alone, behind a server too", async () => {
  const seeds = [0, 1, 2, 3, 4, 5];
  const draw = { temperature: 1, maxNewTokens: 12 };
  const alone: string[] = [];
  for (const seed of seeds) alone.push(textOf(await eventsOf({ seed, ...draw })));
  const together = await Promise.all(seeds.map(async (seed) => textOf(await eventsOf({ seed, ...draw }))));
  expect(together).toEqual(alone);

  const server = await ModelServer.listen(
    { completer, tokenizer, template: undefined },
    { host: "127.0.0.1", port: 0, limits: { concurrency: 3 } },
  );
  const ask = (seed: number, signal: AbortSignal | null = null) =>
    fetch(`${server.address}/v1/completions`, {
      method: "POST",
      signal,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "Once", seed, max_tokens: 12, logit_bias: { 258: -100 } }),
    });
  const vanishing = seeds.map((seed) => ask(seed, AbortSignal.timeout(10 + seed)).catch(() => undefined));
  const served = await Promise.all(
    seeds.map(async (seed) => ((await (await ask(seed)).json()) as { choices: { text: string }[] }).choices[0]?.text),
  );
  await Promise.all(vanishing);
  expect(served).toEqual(alone);
  await server.close();
});

test("choices of one prompt read it once, and say what each says alone", async () => {
  const asked = [3, 4, 5].map((seed) => ({ seed, temperature: 1, maxNewTokens: 6 }));
  const alone: string[] = [];
  for (const each of asked) alone.push(textOf(await eventsOf(each)));
  const { prompt } = request();
  const append = vi.spyOn(Session.prototype, "append");
  const events = await collected(completer.complete(asked.map((each) => request({ ...each, prompt }))));
  expect(append).toHaveBeenCalledTimes(1);
  append.mockRestore();
  expect(asked.map((_, index) => textOf(events.filter(({ choice }) => choice === index)))).toEqual(alone);
  expect(events.filter(({ event }) => event === "generation-end").map(({ choice }) => choice)).toEqual([0, 1, 2]);
});

test("generations at the same time share passes", async () => {
  const passes = vi.spyOn(RowBatch.prototype, "iterate");
  await Promise.all([1, 2, 3].map((seed) => eventsOf({ seed, maxNewTokens: 10 })));
  expect(Math.max(...passes.mock.calls.map(([tokens]) => tokens.size))).toBe(3);
  passes.mockRestore();
});

test("policies that look on, and log-probabilities", async () => {
  for (const deliberation of [
    { policy: "until-converged", tolerance: 1e-9, maximum: 3 },
    { policy: "until-decided", changeBits: 0, maximum: 3 },
  ] as const) {
    const events = await eventsOf({ deliberation, topLogProbabilities: 2 });
    const deltas = events.filter((event) => event.event === "token-delta");
    expect(deltas).toHaveLength(8);
    for (const { iterations, logProbability, topLogProbabilities } of deltas) {
      expect(iterations).toBe(3);
      expect(topLogProbabilities).toHaveLength(2);
      expect(logProbability).toBeLessThanOrEqual(0);
    }
    expect(events.filter(({ event }) => event === "iteration-end")).toHaveLength(24);
  }
  // Nobody asked for them here: an answer has none then.
  const plain = (await eventsOf()).filter((event) => event.event === "token-delta");
  expect(plain.some((event) => "logProbability" in event || "topLogProbabilities" in event)).toBe(false);
});
