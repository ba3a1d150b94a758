/** The protocol's own forms: answers, streams, and every kind of refusal. */
import { connect } from "node:net";
import { ChatTemplate } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { errorOf, gate, plant, until } from "./planted.js";

const chatMl = new ChatTemplate({
  default:
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}" +
    "{% if shout %}!{% endif %}",
});

/** The data of each event. */
async function eventsOf(response: Response): Promise<string[]> {
  const text = await response.text();
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => event.replace(/^data: /, ""));
}

describe("answers", () => {
  test("a text completion, with its usage", async () => {
    await using planted = await plant();
    const response = await planted.post("/v1/completions", {
      model: "planted",
      prompt: "abc",
      max_tokens: 3,
      deliberation: { policy: "fixed", iterations: 4 },
    });
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^cmpl-/),
      object: "text_completion",
      created: expect.any(Number),
      model: "planted",
      choices: [{ index: 0, text: "0 1 2 ", logprobs: null, finish_reason: "length" }],
      usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6, iterations: 12 },
    });
  });

  test("what a request says reaches the model, under the model's names", async () => {
    await using planted = await plant();
    await planted.post("/v1/completions", {
      prompt: [1, 2],
      max_tokens: 2,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 7,
      min_p: 0.1,
      repetition_penalty: 1.1,
      presence_penalty: 1,
      frequency_penalty: -1,
      logit_bias: { 5: -100 },
      seed: 9,
      stop: "x",
      user: "somebody",
      deliberation: { policy: "until-decided", entropy_nats: 0.2, change_bits: 0.1, maximum: 4 },
    });
    await planted.post("/v1/completions", { prompt: "a", max_tokens: null, stop: null });
    const [first, second] = planted.completer.requests;
    expect(first).toEqual({
      prompt: [1, 2],
      maxNewTokens: 2,
      temperature: 0.5,
      topP: 0.9,
      topK: 7,
      minP: 0.1,
      repetitionPenalty: 1.1,
      presencePenalty: 1,
      frequencyPenalty: -1,
      logitBias: { 5: -100 },
      seed: 9,
      stop: ["x"],
      deliberation: { policy: "until-decided", entropyNats: 0.2, changeBits: 0.1, maximum: 4 },
      signal: expect.any(AbortSignal),
    });
    expect(second).toMatchObject({ temperature: 1, maxNewTokens: 16, stop: [] });
  });

  test("several prompts, several choices of each, with seeds of their own", async () => {
    await using planted = await plant();
    const response = await planted.post("/v1/completions", { prompt: ["a", "bcd"], n: 2, max_tokens: 1, seed: 5 });
    const { choices, usage } = (await response.json()) as { choices: { index: number }[]; usage: object };
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(usage).toEqual({ prompt_tokens: 4, completion_tokens: 4, total_tokens: 8, iterations: 4 });
    expect(planted.completer.requests.map(({ prompt, seed }) => [prompt.length, seed])).toEqual([
      [1, 5],
      [1, 6],
      [3, 7],
      [3, 8],
    ]);
  });

  test("log-probabilities, in both forms", async () => {
    await using planted = await plant({ textOf: () => "A" }, {}, chatMl);
    const texts = await planted.post("/v1/completions", { prompt: "a", max_tokens: 1, logprobs: 2 });
    expect(((await texts.json()) as { choices: object[] }).choices[0]).toMatchObject({
      logprobs: { tokens: ["A"], token_logprobs: [-0.5], top_logprobs: [{ A: -0.5, B: -1.5 }] },
    });
    const messages = [{ role: "user", content: "a" }];
    const chat = await planted.post("/v1/chat/completions", {
      messages,
      max_tokens: 1,
      logprobs: true,
      top_logprobs: 1,
    });
    const described = { token: "A", logprob: -0.5, bytes: [65] };
    expect(((await chat.json()) as { choices: object[] }).choices[0]).toMatchObject({
      logprobs: { content: [{ ...described, top_logprobs: [described] }] },
    });
  });

  test("a chat, in the template's text, messages in parts, with variables of the template", async () => {
    await using planted = await plant({}, {}, chatMl);
    const response = await planted.post("/v1/chat/completions", {
      messages: [
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "Hi" },
            { type: "text", text: "!" },
          ],
        },
      ],
      max_completion_tokens: 2,
      chat_template_kwargs: { shout: true },
    });
    expect(await response.json()).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: "0 1 " }, finish_reason: "length" }],
    });
    const prompt = planted.completer.requests[0]?.prompt ?? [];
    expect(Buffer.from(prompt).toString()).toBe("<|system|>Be brief.\n<|user|>Hi!\n<|assistant|>!");
  });

  test("streams: an event for each piece, the usage where it is asked for, and their end", async () => {
    await using planted = await plant({}, {}, chatMl);
    const texts = await planted.post("/v1/completions", { prompt: "a", max_tokens: 2, stream: true });
    expect(texts.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events = await eventsOf(texts);
    expect(events.at(-1)).toBe("[DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event));
    expect(chunks.map(({ choices }) => [choices[0].text, choices[0].finish_reason])).toEqual([
      ["0 ", null],
      ["1 ", null],
      ["", "length"],
    ]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const messages = [{ role: "user", content: "a" }];
    const wanted = { messages, max_tokens: 1, n: 2, stream: true, stream_options: { include_usage: true } };
    const chat = await eventsOf(await planted.post("/v1/chat/completions", wanted));
    const parsed = chat.slice(0, -1).map((event) => JSON.parse(event));
    expect(parsed.map(({ choices }) => choices[0] && [choices[0].index, choices[0].delta])).toEqual([
      [0, { role: "assistant", content: "" }],
      [0, { content: "0 " }],
      [0, {}],
      [1, { role: "assistant", content: "" }],
      [1, { content: "0 " }],
      [1, {}],
      undefined,
    ]);
    expect(parsed.at(-1).usage).toMatchObject({ completion_tokens: 2, iterations: 2 });
    expect(parsed[0]).toMatchObject({ object: "chat.completion.chunk", usage: null });
  });

  test("models and health", async () => {
    await using planted = await plant({ modelId: "owner/name" });
    const described = { id: "owner/name", object: "model", created: expect.any(Number), owned_by: "sst" };
    const get = async (path: string) => (await fetch(planted.base + path)).json();
    expect(await get("/v1/models")).toEqual({ object: "list", data: [described] });
    // As the openai package sends it, and as people type it.
    expect(await get("/v1/models/owner%2Fname")).toEqual(described);
    expect(await get("/v1/models/owner/name")).toEqual(described);
    expect(await get("/v1/models/owner")).toMatchObject({ error: { code: "model_not_found" } });
    expect(await get("/health")).toEqual({ status: "ok" });
  });
});

describe("refusals", () => {
  test.each<[string, object, number, string | null, string | null]>([
    ["a number as text", { temperature: "hot" }, 400, "temperature", "invalid_value"],
    ["a value out of range", { top_p: 0 }, 400, "top_p", "invalid_value"],
    ["a misspelt field", { deliberaton: {} }, 400, "deliberaton", "unknown_field"],
    ["no prompt", { prompt: undefined }, 400, "prompt", "missing_field"],
    ["an empty prompt", { prompt: "" }, 400, "prompt", "empty_prompt"],
    ["an empty list of prompts", { prompt: [] }, 400, "prompt", "empty_prompt"],
    ["a prompt of something else", { prompt: { text: "a" } }, 400, "prompt", "invalid_value"],
    ["an unknown policy", { deliberation: { policy: "forever" } }, 400, "deliberation.policy", "invalid_value"],
    [
      "a policy that is not there yet",
      { deliberation: { policy: "probe", maximum: 2 } },
      400,
      "deliberation.policy",
      null,
    ],
    ["too much thinking", { deliberation: { policy: "fixed", iterations: 99 } }, 400, "deliberation.iterations", null],
    [
      "no thinking",
      { deliberation: { policy: "fixed", iterations: 0 } },
      400,
      "deliberation.iterations",
      "invalid_value",
    ],
    [
      "a policy without its bound",
      { deliberation: { policy: "until-decided", maximum: 2 } },
      400,
      "deliberation",
      "invalid_value",
    ],
    [
      "too much thinking by a policy",
      { deliberation: { policy: "until-decided", change_nats: 0, maximum: 99 } },
      400,
      "deliberation.maximum",
      null,
    ],
    ["more tokens than the server gives", { max_tokens: 1e6 }, 400, "max_tokens", null],
    ["more than the context holds", { max_tokens: 60 }, 400, "max_tokens", "context_length_exceeded"],
    ["a prompt beyond the context", { prompt: "a".repeat(64) }, 400, null, "context_length_exceeded"],
    ["too many choices", { n: 99 }, 400, "n", null],
    ["the prompt once more", { echo: true }, 400, "echo", "invalid_value"],
    ["another model", { model: "gpt" }, 404, "model", "model_not_found"],
  ])("%s", async (_name, fields, status, param, code) => {
    await using planted = await plant({ contextLength: 64 });
    const error = await errorOf(await planted.post("/v1/completions", { prompt: "abcdef", ...fields }));
    expect(error).toEqual({
      status,
      error: { message: expect.stringMatching(/\w/), type: "invalid_request_error", param, code },
    });
    expect([planted.completer.started, planted.log]).toEqual([0, []]);
  });

  test("bodies that are none, paths and methods that are not there", async () => {
    await using planted = await plant({}, { limits: { bodyBytes: 1000 } });
    const post = async (body: string, headers: Record<string, string> = {}) => {
      const { status, error } = await errorOf(await planted.post("/v1/completions", body, { headers }));
      return [status, error.type];
    };
    const invalid = "invalid_request_error";
    expect(await post("{")).toEqual([400, invalid]);
    expect(await post("")).toEqual([400, invalid]);
    expect(await post("[1]")).toEqual([400, invalid]);
    expect(await post("null")).toEqual([400, invalid]);
    expect(await post('{"__proto__": {"prompt": "a"}}')).toEqual([400, invalid]);
    expect(await post("\uFFFF")).toEqual([400, invalid]);
    expect(await post(`${"[".repeat(400)}${"]".repeat(400)}`)).toEqual([400, invalid]);
    expect(await post("prompt=a", { "content-type": "application/x-www-form-urlencoded" })).toEqual([415, invalid]);
    expect(await post('{"prompt":"a"}', { "content-type": "text/plain" })).toEqual([415, invalid]);
    expect(await post(JSON.stringify({ prompt: "a".repeat(1000) }))).toEqual([413, invalid]);
    const unknown = await errorOf(await fetch(`${planted.base}/v2/nothing`));
    expect([unknown.status, unknown.error.code]).toEqual([404, "unknown_url"]);
    const wrongMethod = await fetch(`${planted.base}/v1/completions`);
    expect(wrongMethod.headers.get("allow")).toBe("POST");
    expect((await errorOf(wrongMethod)).status).toBe(405);
    expect((await errorOf(await fetch(`${planted.base}/v1/models`, { method: "DELETE" }))).status).toBe(405);
    const badUrl = await errorOf(await fetch(`${planted.base}/v1/%zz`));
    expect([badUrl.status, badUrl.error.type]).toEqual([400, invalid]);
    expect(planted.log).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ["no HTTP", "HELLO\r\n\r\n", /^HTTP\/1\.1 400 .*\{"error":\{"message":/s],
    ["headers without end", `GET /health HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(40_000)}`, /^HTTP\/1\.1 431 /],
    [
      "headers that do not come",
      "GET /health HTTP/1.1\r\nhost: localhost\r\n",
      /^HTTP\/1\.1 408 .*\{"error":\{"message":/s,
    ],
    [
      "a body that does not come",
      "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
      /^HTTP\/1\.1 408 /,
    ],
  ])("on the wire: %s", async (_name, bytes, answer) => {
    await using planted = await plant({}, { limits: { clientTimeoutMs: 200 } });
    const socket = connect(Number(new URL(planted.base).port), "127.0.0.1");
    socket.write(bytes);
    let received = "";
    for await (const piece of socket) received += piece;
    expect(received).toMatch(answer);
    await until(async () => (await planted.server.load()).connections === 0);
    expect(await planted.server.load()).toEqual({ requests: 0, running: 0, waiting: 0, connections: 0 });
  });

  test("a chat without a template says what to do", async () => {
    await using planted = await plant();
    const { status, error } = await errorOf(
      await planted.post("/v1/chat/completions", { messages: [{ role: "user", content: "a" }] }),
    );
    expect([status, error.code]).toEqual([400, "no_chat_template"]);
    expect(error.message).toMatch(/use \/v1\/completions, or put a chat_template\.jinja beside the model/);
  });

  test("messages that are none, tools, and what a template refuses", async () => {
    const strict = new ChatTemplate({ default: "{{ raise_exception('only users here') }}" });
    await using planted = await plant({}, {}, strict);
    const chat = async (fields: object) => {
      const body = { messages: [{ role: "user", content: "a" }], ...fields };
      const { status, error } = await errorOf(await planted.post("/v1/chat/completions", body));
      return [status, error.param, error.message];
    };
    expect(await chat({ messages: [] })).toEqual([400, "messages", expect.any(String)]);
    expect(await chat({ messages: [{ role: "robot", content: "" }] })).toEqual([
      400,
      "messages.0.role",
      expect.any(String),
    ]);
    const image = { role: "user", content: [{ type: "image_url", image_url: {} }] };
    expect(await chat({ messages: [image] })).toEqual([
      400,
      expect.stringMatching(/^messages\.0\.content/),
      expect.any(String),
    ]);
    expect(await chat({ tools: [{ type: "function" }] })).toEqual([400, "tools", expect.any(String)]);
    expect(await chat({})).toEqual([400, null, expect.stringContaining("only users here")]);
  });

  test("log-probabilities where the model cannot give them", async () => {
    await using planted = await plant({ abilities: { logProbabilities: false, policies: ["fixed"] } });
    const { status, error } = await errorOf(await planted.post("/v1/completions", { prompt: "a", logprobs: 1 }));
    expect([status, error.param]).toEqual([400, "logprobs"]);
  });
});

describe("failures", () => {
  test("what the model finds wrong with a request is the client's, all else a 500 without what is inside", async () => {
    let failure: Error = new SstError("unknown-token", "token 999 is not known");
    await using planted = await plant({
      beforeToken: () => {
        throw failure;
      },
    });
    for (const stream of [false, true]) {
      const ask = async () => errorOf(await planted.post("/v1/completions", { prompt: "a", stream }));
      failure = new SstError("unknown-token", "token 999 is not known");
      expect(await ask()).toMatchObject({
        status: 400,
        error: { message: "token 999 is not known", code: "unknown-token" },
      });
      failure = new SstError("context-overflow", "too long");
      expect(await ask()).toMatchObject({ status: 400, error: { code: "context_length_exceeded" } });
      expect(planted.log).toEqual([]);
      failure = new Error("secret: /home/x");
      const { status, error } = await ask();
      expect([status, error.type, error.message]).toEqual([500, "server_error", expect.not.stringContaining("secret")]);
      expect(planted.log.splice(0)).toEqual([expect.stringContaining("secret: /home/x")]);
    }
    expect(await planted.server.load()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("in the middle of a stream: an event that tells it, and the end", async () => {
    await using planted = await plant({
      beforeToken: (index) => {
        if (index === 2) throw new Error("secret");
      },
    });
    const response = await planted.post("/v1/completions", { prompt: "a", max_tokens: 9, stream: true });
    expect(response.status).toBe(200);
    const events = (await eventsOf(response)).map((event) => JSON.parse(event));
    expect(events).toHaveLength(3);
    expect(events[2]).toEqual({
      error: { message: expect.any(String), type: "server_error", param: null, code: "internal" },
    });
    expect(planted.log).toHaveLength(1);
  });

  test("time that is up, before and within an answer, waiting or not", async () => {
    const door = gate();
    await using planted = await plant(
      { beforeToken: (index, { prompt }) => (index === prompt.length ? door.opened : undefined) },
      { limits: { requestTimeoutMs: 1500 } },
    );
    const ask = (prompt: string, stream: boolean) => planted.post("/v1/completions", { prompt, max_tokens: 9, stream });
    const running = ask("ab", true);
    const waiting = ask("a", false);
    const late = await errorOf(await waiting);
    expect(late).toMatchObject({ status: 503, error: { code: "timeout" } });
    door.open();
    const events = (await eventsOf(await running)).map((event) => JSON.parse(event));
    expect(events.map(({ choices, error }) => choices?.[0].text ?? error.code)).toEqual(["0 ", "1 ", "timeout"]);
    await until(() => planted.completer.running === 0);
    expect(planted.completer.started).toBe(1);
  });
});
