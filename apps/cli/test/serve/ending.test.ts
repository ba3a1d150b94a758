/** The end of a server, its key, and what it tells about itself. */

import { request } from "node:http";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { errorOf, gate, type Planted, plant, until } from "./planted.js";

const ask = (planted: Planted, fields: object = {}) =>
  planted.post("/v1/completions", { prompt: "a", max_tokens: 3, ...fields });

describe("the end", () => {
  test("what runs is finished, what waits and what comes is refused, then nobody listens", async () => {
    const door = gate();
    const planted = await plant({ beforeToken: (index) => (index === 1 ? door.opened : undefined) });
    const running = ask(planted, { stream: true });
    await until(() => planted.completer.tokens === 1);
    const waiting = ask(planted);
    await until(async () => (await planted.server.load()).waiting === 1);
    const closed = planted.server.close();
    const refusal = { status: 503, error: { type: "service_unavailable_error", code: "shutting_down" } };
    const refused = await waiting;
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(await errorOf(refused)).toMatchObject(refusal);
    const late = await ask(planted);
    expect(late.headers.get("connection")).toBe("close");
    expect(await errorOf(late)).toMatchObject(refusal);
    expect((await fetch(`${planted.base}/health`)).status).toBe(503);
    expect(await (await fetch(`${planted.base}/metrics`)).text()).toMatch(/^sst_requests_running 1$/m);
    door.open();
    expect(await (await running).text()).toMatch(/"2 ".*data: \[DONE\]\n\n$/s);
    await closed;
    await expect(fetch(`${planted.base}/health`)).rejects.toThrow();
    expect([planted.completer.running, planted.log]).toEqual([0, []]);
  });

  test("what is not finished within the grace period is told so: in a stream, and for a whole answer", async () => {
    const planted = await plant(
      { beforeToken: () => new Promise((resolve) => setTimeout(resolve, 5)) },
      { limits: { graceMs: 50, concurrency: 2, maxNewTokens: 1e6 } },
    );
    const streamed = ask(planted, { stream: true, max_tokens: 50_000 });
    const whole = ask(planted, { max_tokens: 50_000 });
    await until(() => planted.completer.running === 2 && planted.completer.tokens > 0);
    await planted.server.close();
    const events = (await (await streamed).text()).trim().split("\n\n");
    expect(JSON.parse(events.at(-1)?.replace("data: ", "") ?? "")).toMatchObject({ error: { code: "shutting_down" } });
    expect(await errorOf(await whole)).toMatchObject({ status: 503, error: { code: "shutting_down" } });
    expect([planted.completer.running, planted.log]).toEqual([0, []]);
  });

  test("connections that are open and ask nothing do not hold it up, nor does a body on its way", async () => {
    const planted = await plant({}, { limits: { graceMs: 50, clientTimeoutMs: 300 } });
    const port = Number(new URL(planted.base).port);
    const idle = connect(port, "127.0.0.1");
    const half = connect(port, "127.0.0.1");
    for (const socket of [idle, half]) socket.on("error", () => {});
    half.write(
      "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
    );
    await until(async () => (await planted.server.load()).requests === 1);
    const ends = [idle, half].map((socket) => new Promise((resolve) => socket.on("close", resolve).resume()));
    await planted.server.close();
    await Promise.all(ends);
  });
});

describe("who is let in", () => {
  test("with a key: whoever sends it", async () => {
    await using planted = await plant({}, { apiKey: "säsam" });
    const status = async (path: string, authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      return (await fetch(planted.base + path, { headers })).status;
    };
    const encoded = Buffer.from("säsam").toString("latin1");
    expect(await status("/v1/models", `Bearer ${encoded}`)).toBe(200);
    for (const wrong of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      `Bearer ${encoded}x`,
      "Bearer sasam",
      "Basic c8Okc2Ft",
      encoded,
    ]) {
      expect([wrong, await status("/v1/models", wrong)]).toEqual([wrong, 401]);
    }
    expect(await status("/metrics")).toBe(401);
    expect(await status("/nothing")).toBe(401);
    expect(await status("/health")).toBe(200);
    const refused = await errorOf(await ask(planted));
    expect(refused.error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
    expect(planted.completer.started).toBe(0);
  });

  test("without one: requests that name this machine", async () => {
    await using planted = await plant();
    const statusFor = (host: string) =>
      new Promise((resolve, reject) => {
        const sent = request(`${planted.base}/v1/models`, { headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.on("error", reject).end();
      });
    for (const host of ["localhost:1", "127.0.0.1", "127.0.0.2:80", "[::1]:8080"])
      expect(await statusFor(host)).toBe(200);
    for (const host of ["evil.example", "evil.example:8080", "127.0.0.1.evil.example"]) {
      expect([host, await statusFor(host)]).toEqual([host, 403]);
    }
  });
});

test("metrics count requests by route and status, tokens, iterations and what waits", async () => {
  await using planted = await plant();
  await (await ask(planted, { deliberation: { policy: "fixed", iterations: 2 } })).text();
  await (await ask(planted, { stream: true })).text();
  await (await ask(planted, { top_p: 7 })).text();
  await (await fetch(`${planted.base}/nothing`)).text();
  await until(async () => (await planted.server.load()).requests === 0);
  const response = await fetch(`${planted.base}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of [
    'sst_requests_total{route="/v1/completions",status="200"} 2',
    'sst_requests_total{route="/v1/completions",status="400"} 1',
    'sst_requests_total{route="unknown",status="404"} 1',
    'sst_tokens_total{kind="prompt"} 2',
    'sst_tokens_total{kind="new"} 6',
    "sst_iterations_total 9",
    "sst_first_token_seconds_count 2",
    'sst_request_duration_seconds_count{route="/v1/completions"} 3',
    "sst_requests_running 0",
    "sst_requests_waiting 0",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
});

test("a port that is taken is refused in words", async () => {
  await using planted = await plant();
  const port = Number(new URL(planted.base).port);
  await expect(plant({}, { port })).rejects.toThrowError(
    expect.objectContaining({
      code: "invalid-argument",
      message: expect.stringMatching(/^nothing can be served at 127\.0\.0\.1, port \d+ \(.*EADDRINUSE/),
    }),
  );
});
