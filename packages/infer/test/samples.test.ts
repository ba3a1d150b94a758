/** Several texts drawn from one prompt. */
import "@sst/backend-cpu";
import { custom, fixed, generateSamples, type SampleEvent } from "@sst/infer";
import { DecoderModel } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { beforeAll, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";
import { said, sessionOf } from "./session-texts.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const asked = { maxNewTokens: 7, stopTokens: [], temperature: 1.2, seed: 5 };

test("samples are what forks say with a seed each; the session stays where it is", async () => {
  using model = DecoderModel.fromData(tinyModel());
  using session = await sessionOf(model, 1);
  const expected: number[][] = [];
  for (const seed of [5, 6, 7]) {
    using fork = session.fork();
    expected.push((await said(fork, { ...asked, seed, deliberation: fixed(2) })).tokens);
  }
  const events: SampleEvent[] = [];
  for await (const event of generateSamples(session, { ...asked, samples: 3, deliberation: fixed(2) })) {
    events.push(event);
  }
  const given = [0, 1, 2].map((sample) =>
    events.flatMap((event) => (event.sample === sample && event.event === "token-delta" ? [event.token] : [])),
  );
  expect(given).toEqual(expected);
  expect(new Set(expected.map(String)).size).toBe(3);
  expect(session.length).toBe(7);
});

test("samples left half-way, or refused, leave nothing behind", async () => {
  using model = DecoderModel.fromData(tinyModel());
  using session = await sessionOf(model, 1);
  const run = async () => {
    for await (const event of generateSamples(session, { ...asked, samples: 3 })) {
      if (event.event === "token-delta" && event.index === 3) break;
    }
  };
  await run();
  const before = memory();
  await run();
  await expect(generateSamples(session, { ...asked, samples: 0 }).next()).rejects.toMatchObject({
    code: "invalid-argument",
  });
  await expect(generateSamples(session, { ...asked, samples: 2, topK: -1 }).next()).rejects.toMatchObject({
    code: "invalid-argument",
  });
  expect(memory()).toEqual(before);
});

test("more samples than rows end wherever they are left, and with the error of any", async () => {
  const before = memory();
  // The model keeps plans of all sizes: they go with it.
  const model = DecoderModel.fromData(tinyModel());
  const session = await sessionOf(model, 1);
  const twice = custom(({ iteration }) => iteration === 2, { maximum: 3, needs: { states: true } });
  const run = async (until: number) => {
    let seen = 0;
    for await (const _event of generateSamples(session, { ...asked, samples: 11, deliberation: twice })) {
      if (++seen === until) break;
    }
  };
  for (const until of [1, 5, 8, 13, 30, 60]) await run(until);
  const failing = custom(
    ({ position }) => {
      if (position === 8) throw new Error("the policy fails");
      return true;
    },
    { maximum: 2 },
  );
  const all = async () => {
    for await (const _event of generateSamples(session, { ...asked, samples: 11, deliberation: failing }));
  };
  await expect(all()).rejects.toThrow("the policy fails");
  session.dispose();
  model.dispose();
  expect(memory()).toEqual(before);
});
