/** Events as a stream of the Web. */
import "@sst/backend-cpu";
import { custom, eventStream } from "@sst/infer";
import { DecoderModel, DecodeStep } from "@sst/layers";
import { ready } from "@sst/tensor";
import { beforeAll, expect, test, vi } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";
import { said, sessionOf } from "./session-texts.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

test("the events are the same, and none is generated ahead of who reads", async () => {
  using model = DecoderModel.fromData(tinyModel());
  using session = await sessionOf(model, 1);
  using fork = session.fork();
  const expected = await said(fork, { maxNewTokens: 4 });
  const passes = vi.spyOn(DecodeStep.prototype, "run");
  const reader = eventStream(session.generate({ maxNewTokens: 4, stopTokens: [] })).getReader();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(passes).not.toHaveBeenCalled();
  const tokens: number[] = [];
  for (let { done, value } = await reader.read(); !done && value; { done, value } = await reader.read()) {
    if (value.event !== "token-delta") continue;
    tokens.push(value.token);
    expect(passes).toHaveBeenCalledTimes(tokens.length);
  }
  expect(tokens).toEqual(expected.tokens);
  passes.mockRestore();
});

test("it ends with the generation's error, and a cancelled one sets the session free", async () => {
  using model = DecoderModel.fromData(tinyModel());
  using session = await sessionOf(model, 1);
  const fails = custom(
    () => {
      throw new Error("the policy fails");
    },
    { maximum: 2 },
  );
  const failing = eventStream(session.generate({ maxNewTokens: 4, deliberation: fails })).getReader();
  expect((await failing.read()).value).toMatchObject({ event: "iteration-end" });
  await expect(failing.read()).rejects.toThrow("the policy fails");
  const stream = eventStream(session.generate({ maxNewTokens: 9, stopTokens: [] }));
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  expect(session.length).toBe(8);
  await session.append([1]);
});
