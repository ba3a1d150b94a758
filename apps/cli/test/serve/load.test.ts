/** Many clients at once, slow ones, and some that vanish: every request is answered or refused, and nothing is left behind. */
import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { errorOf, gate, type Planted, plant, until } from "./planted.js";

const nothing = { requests: 0, running: 0, waiting: 0 };

async function expectNothingLeft({ server, completer, log }: Planted): Promise<void> {
  // A request is over a moment before its place is free.
  await until(async () => {
    const { requests, running, waiting } = await server.load();
    return requests + running + waiting === 0;
  });
  expect(await server.load()).toMatchObject(nothing);
  expect([completer.running, log]).toEqual([0, []]);
}

/** As a client with its own hands: it reads when it is told to. */
function rawStream(planted: Planted, maxTokens: number): Socket {
  const body = JSON.stringify({ prompt: "a", max_tokens: maxTokens, stream: true });
  const socket = connect(Number(new URL(planted.base).port), "127.0.0.1");
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return socket;
}

describe("200 requests at once", () => {
  const ask = async (planted: Planted, index: number) => {
    const stream = index % 2 === 0;
    const response = await planted.post("/v1/completions", { prompt: "a", max_tokens: 5, stream });
    return { status: response.status, retryAfter: response.headers.get("retry-after"), text: await response.text() };
  };
  const isWhole = (text: string) =>
    text.includes('"0 1 2 3 4 "') || (text.includes('"4 "') && text.endsWith("data: [DONE]\n\n"));

  test("with a queue of 200 every one completes, four at a time", async () => {
    const limits = { concurrency: 4, queue: 200 };
    await using planted = await plant(
      { beforeToken: () => new Promise((resolve) => setTimeout(resolve, 1)) },
      { limits },
    );
    const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => ask(planted, index)));
    expect(answers.every(({ status, text }) => status === 200 && isWhole(text))).toBe(true);
    expect([planted.completer.started, planted.completer.mostAtOnce]).toEqual([200, 4]);
    await expectNothingLeft(planted);
  });

  test("with a queue of 20 the others are told to come later", async () => {
    const door = gate();
    const limits = { concurrency: 4, queue: 20 };
    await using planted = await plant({ beforeToken: () => door.opened }, { limits });
    const asked = Array.from({ length: 200 }, (_, index) => ask(planted, index));
    const refused: Awaited<ReturnType<typeof ask>>[] = [];
    for (const each of asked) {
      each.then((answer) => {
        if (answer.status === 429) refused.push(answer);
      });
    }
    await until(() => refused.length === 176);
    expect(await planted.server.load()).toMatchObject({ running: 4, waiting: 20 });
    door.open();
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status, text }) => status === 200 && isWhole(text))).toHaveLength(24);
    for (const { retryAfter, text } of refused) {
      expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
      expect(JSON.parse(text)).toEqual({
        error: { message: expect.any(String), type: "rate_limit_error", param: null, code: "queue_full" },
      });
    }
    await expectNothingLeft(planted);
  });
});

describe("slow readers", () => {
  // Far more than all the buffers between the two hold.
  const big = { textOf: () => "x".repeat(64 * 1024) };

  test("generation waits for them, and goes on when they read", async () => {
    await using planted = await plant(big);
    const socket = rawStream(planted, 400);
    socket.pause();
    let before = -1;
    await until(async () => {
      const isStill = planted.completer.tokens === before && before > 0;
      before = planted.completer.tokens;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isStill;
    });
    expect(planted.completer.tokens).toBeLessThan(400);
    expect(planted.completer.running).toBe(1);
    let end = "";
    for await (const piece of socket) {
      end = (end + piece).slice(-100);
      if (end.includes("data: [DONE]")) break;
    }
    expect(planted.completer.tokens).toBe(400);
    await expectNothingLeft(planted);
  });

  test("one that reads nothing at all is cut off, and its place is free", async () => {
    await using planted = await plant(big, { limits: { clientTimeoutMs: 300 } });
    const socket = rawStream(planted, 400);
    socket.on("error", () => {});
    socket.pause();
    await until(() => planted.completer.started === 1);
    const next = await planted.post("/v1/completions", { prompt: "a", max_tokens: 1 });
    expect(next.status).toBe(200);
    expect(planted.completer.tokens).toBeLessThan(400);
    await expectNothingLeft(planted);
    socket.destroy();
  });

  test("an answer in one piece that nobody reads is given up too", async () => {
    await using planted = await plant(
      { textOf: () => "x".repeat(32 * 1024 * 1024) },
      { limits: { clientTimeoutMs: 300 } },
    );
    const body = JSON.stringify({ prompt: "a", max_tokens: 1 });
    const socket = connect(Number(new URL(planted.base).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => planted.completer.started === 1);
    await expectNothingLeft(planted);
    socket.destroy();
  });
});

describe("clients that vanish", () => {
  test("within a stream: the generation ends", async () => {
    await using planted = await plant({ beforeToken: () => new Promise((resolve) => setTimeout(resolve, 1)) });
    const socket = rawStream(planted, 4000);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await until(() => planted.completer.running === 0);
    expect(planted.completer.tokens).toBeLessThan(4000);
    await expectNothingLeft(planted);
  });

  test("while they wait for a whole answer, running or in the queue", async () => {
    const door = gate();
    await using planted = await plant({ beforeToken: () => door.opened });
    const controllers = [new AbortController(), new AbortController()];
    const asked = controllers.map(({ signal }) =>
      planted.post("/v1/completions", { prompt: "a" }, { signal }).catch((error: Error) => error.name),
    );
    await until(async () => (await planted.server.load()).waiting === 1);
    controllers[1]?.abort();
    await until(async () => (await planted.server.load()).waiting === 0);
    controllers[0]?.abort();
    await until(async () => (await planted.server.load()).requests === 0);
    door.open();
    expect(await Promise.all(asked)).toEqual(["AbortError", "AbortError"]);
    await until(() => planted.completer.running === 0);
    expect([planted.completer.started, planted.completer.tokens]).toEqual([1, 0]);
    await expectNothingLeft(planted);
  });

  test("a hundred of them, at any moment, and the server answers as before", async () => {
    const limits = { concurrency: 8, queue: 200 };
    await using planted = await plant(
      { beforeToken: () => new Promise((resolve) => setTimeout(resolve, 1)) },
      { limits },
    );
    const sockets = Array.from({ length: 100 }, () => rawStream(planted, 50));
    for (const [index, socket] of sockets.entries()) {
      socket.on("error", () => {});
      setTimeout(() => (index % 2 === 0 ? socket.destroy() : socket.resetAndDestroy()), index * 2);
    }
    await until(() => sockets.every(({ destroyed }) => destroyed));
    await expectNothingLeft(planted);
    await until(async () => (await planted.server.load()).connections === 0);
    expect((await planted.post("/v1/completions", { prompt: "a" })).status).toBe(200);
  });
});

describe("huge bodies", () => {
  test("are refused by what they say of themselves, and by what comes", async () => {
    await using planted = await plant();
    const huge = "x".repeat(64 * 1024 * 1024);
    const declared = await errorOf(await planted.post("/v1/completions", { prompt: huge }));
    expect([declared.status, declared.error.type]).toEqual([413, "invalid_request_error"]);
    const pieces = new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(huge.slice(0, 1 << 20))),
    });
    const init = { body: pieces, duplex: "half", method: "POST", headers: { "content-type": "application/json" } };
    const streamed = await fetch(`${planted.base}/v1/completions`, init as RequestInit);
    expect((await errorOf(streamed)).status).toBe(413);
    await expectNothingLeft(planted);
  });
});
