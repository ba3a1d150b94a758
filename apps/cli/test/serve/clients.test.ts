/** The clients that people have, against `sst serve` as its own process, with real models on the CPU. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { program, sst } from "../run-sst.js";
import { writeSmallChatModel } from "./small-chat-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-serve-"));
const folder = join(scratch, "small-chat");
const question = [{ role: "user" as const, content: "What is it?" }];
let child: ChildProcess;
let stderr = "";
let base = "";
let ended: Promise<number | null>;

beforeAll(async () => {
  await writeSmallChatModel(folder);
  const parameters = ["serve", "--model", folder, "--backend", "cpu", "--port", "0", "--iterations", "2"];
  child = spawn(process.execPath, [program, ...parameters], { env: { ...process.env, SST_API_KEY: "sesame" } });
  ended = new Promise((resolve) => child.on("close", resolve));
  base = await new Promise((resolve, reject) => {
    child.on("close", () => reject(new Error(stderr)));
    child.stderr?.on("data", (piece: Buffer) => {
      stderr += piece;
      const found = /is served at (\S+)/.exec(stderr)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}, 120_000);

afterAll(() => {
  child.kill("SIGKILL");
  rmSync(scratch, { recursive: true });
});

/** What the command line generates for the same text: another way through the same model. */
async function expected(prompt: string, iterations: number, maxNewTokens: number): Promise<string> {
  const parameters = ["generate", "--model", folder, "--backend", "cpu", "--prompt", prompt, "--json"];
  const outcome = await sst(...parameters, "--iterations", `${iterations}`, "--max-new-tokens", `${maxNewTokens}`);
  expect(outcome.code, outcome.stderr).toBe(0);
  return JSON.parse(outcome.stdout).continuation;
}

const asChatMl =
  "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is it?<|im_end|>\n<|im_start|>assistant\n";

describe("the official openai package", () => {
  const client = () => new OpenAI({ baseURL: base, apiKey: "sesame", maxRetries: 0 });

  test("models, a completion and its stream, as deep as the server says", async () => {
    const models = await client().models.list();
    expect(models.data.map(({ id }) => id)).toEqual(["small-chat"]);
    expect((await client().models.retrieve("small-chat")).owned_by).toBe("sst");
    const wanted = { model: "small-chat", prompt: "Once", max_tokens: 12, temperature: 0 };
    const text = await expected("Once", 2, 12);
    const completion = await client().completions.create(wanted);
    expect(completion.choices[0]?.text).toBe(text);
    expect(completion.usage).toMatchObject({ prompt_tokens: 4 });
    let streamed = "";
    const stream = await client().completions.create({ ...wanted, stream: true });
    for await (const chunk of stream) streamed += chunk.choices[0]?.text ?? "";
    expect(streamed).toBe(text);
  });

  test("a chat, whole and streamed, with a depth of its own", async () => {
    const wanted = {
      model: "small-chat",
      messages: question,
      max_completion_tokens: 10,
      temperature: 0,
      deliberation: { policy: "fixed", iterations: 4 },
    };
    const text = await expected(asChatMl, 4, 10);
    const answer = await client().chat.completions.create(wanted);
    expect(answer.choices[0]?.message).toMatchObject({ role: "assistant", content: text });
    const { completion_tokens, iterations } = answer.usage as typeof answer.usage & Record<string, number>;
    expect(iterations).toBe(4 * (completion_tokens as number));
    const stream = client().chat.completions.stream({ ...wanted, stream_options: { include_usage: true } });
    const whole = await stream.finalChatCompletion();
    expect(whole.choices[0]?.message.content).toBe(text);
    expect(whole.usage).toEqual(answer.usage);
  });

  test("the same seed draws the same text, another one another", async () => {
    const draw = async (seed: number) => {
      const wanted = { model: "small-chat", prompt: "a", max_tokens: 16, temperature: 1.5, seed };
      return (await client().completions.create(wanted)).choices[0]?.text;
    };
    const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test("a stop text ends the answer and is not given out", async () => {
    const text = await expected("Once", 2, 12);
    const characters = [...text];
    const stop = characters[Math.floor(characters.length / 2)] as string;
    const wanted = { model: "small-chat", prompt: "Once", max_tokens: 12, temperature: 0, stop };
    const { choices } = await client().completions.create(wanted);
    expect(choices[0]).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: "stop" });
  });

  test("errors come as the client's own", async () => {
    const wanted = { model: "small-chat", prompt: "a".repeat(600) };
    await expect(client().completions.create(wanted)).rejects.toMatchObject({
      constructor: OpenAI.BadRequestError,
      code: "context_length_exceeded",
    });
    await expect(client().completions.create({ ...wanted, model: "gpt" })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const stranger = new OpenAI({ baseURL: base, apiKey: "open", maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });

  test("a stream that is left ends its generation", async () => {
    const wanted = { model: "small-chat", prompt: "Once", max_tokens: 500, stream: true as const };
    const stream = await client().completions.create(wanted);
    for await (const _chunk of stream) break;
    const after = await client().completions.create({ model: "small-chat", prompt: "Once", max_tokens: 1 });
    expect(after.usage?.completion_tokens).toBeLessThanOrEqual(1);
  });
});

describe("the AI SDK's OpenAI-compatible provider", () => {
  const provider = () => createOpenAICompatible({ name: "sst", baseURL: base, apiKey: "sesame", includeUsage: true });
  const options = { maxOutputTokens: 10, temperature: 0, maxRetries: 0 };

  test("a chat, whole and streamed, and the depth through its options", async () => {
    const model = provider().chatModel("small-chat");
    const text = await expected(asChatMl, 2, 10);
    const whole = await generateText({ model, messages: question, ...options });
    expect(whole.text).toBe(text);
    const streamed = streamText({ model, messages: question, ...options });
    expect(await streamed.text).toBe(text);
    expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens);
    const providerOptions = { sst: { deliberation: { policy: "fixed", iterations: 4 } } };
    const deep = await generateText({ model, messages: question, ...options, providerOptions });
    expect(deep.text).toBe(await expected(asChatMl, 4, 10));
  });

  test("a text completion", async () => {
    const model = provider().completionModel("small-chat");
    expect((await generateText({ model, prompt: "Once", ...options })).usage.inputTokens).toBeGreaterThan(0);
  });

  test("what the server refuses is told", async () => {
    const model = provider().chatModel("small-chat");
    const refused = generateText({ model, messages: question, ...options, maxOutputTokens: 5000 });
    await expect(refused).rejects.toThrowError(/max_tokens is 5000, but this server gives at most 4096 tokens/);
  });
});

test("told to end, it finishes what runs and goes; its log holds nothing that clients wrote", async () => {
  const client = new OpenAI({ baseURL: base, apiKey: "sesame", maxRetries: 0 });
  const wanted = { model: "small-chat", prompt: "Once", max_tokens: 400, logit_bias: { 259: -100 } };
  const stream = await client.completions.create({ ...wanted, stream: true });
  let finishReason: string | undefined;
  for await (const chunk of stream) {
    // Once: a second signal would end it at once.
    if (finishReason === undefined) child.kill("SIGTERM");
    finishReason = chunk.choices[0]?.finish_reason ?? "none yet";
  }
  expect(finishReason).toBe("length");
  expect(await ended).toBe(0);
  expect(stderr.split("\n").slice(1)).toEqual([expect.stringMatching(/^ending: /), ""]);
  expect(stderr).toMatch(/^small-chat is served at http:\/\/127\.0\.0\.1:\d+\/v1\n/);
});
