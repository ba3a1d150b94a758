/** Sessions that share passes say what each says alone, whatever the others do. */
import "@sst/backend-cpu";
import { custom, fixed, type GenerationEvent, Session, SessionBatch, type SessionGeneration } from "@sst/infer";
import { DecoderModel, type ModelData, RowBatch } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { tinyBackbone, tinyBackbones, tinyModel, withUnevenVectors } from "../../layers/test/tiny-model.js";
import { requests, type Said, said, sessionOf } from "./session-texts.js";

const models: Readonly<Record<string, ModelData>> = {
  "Llama with a stream": tinyModel(),
  "Gemma 3, whose window is a ring": withUnevenVectors(tinyModel(tinyBackbones["Gemma 3"])),
  "with recirculation": tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } }),
};

function expectAlike(given: Said, expected: Said): void {
  expect(given.tokens).toEqual(expected.tokens);
  expect(given.iterations).toEqual(expected.iterations);
  for (const [index, value] of given.logProbabilities.entries()) {
    expect(value).toBeCloseTo(expected.logProbabilities[index] as number, 4);
  }
}

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

for (const [name, data] of Object.entries(models)) {
  test(`${name}: six at once say what they say alone, with rows for all and with two, and go on alone`, async () => {
    using model = DecoderModel.fromData(data);
    const expected: Said[] = [];
    for (const [index, { asked }] of requests.entries()) {
      using session = await sessionOf(model, index);
      expected.push(await said(session, asked));
      expected.push(await said(session, { maxNewTokens: 1 }));
    }
    for (const maximumRows of [8, 2]) {
      using batch = new SessionBatch(model, { maximumRows });
      const sessions = await Promise.all(requests.map((_, index) => sessionOf(model, index)));
      const given = await Promise.all(
        sessions.map((session, index) => said(session, { ...requests[index]?.asked, batch } as SessionGeneration)),
      );
      for (const [index, each] of given.entries()) expectAlike(each, expected[2 * index] as Said);
      for (const [index, session] of sessions.entries()) {
        expectAlike(await said(session, { maxNewTokens: 1 }), expected[2 * index + 1] as Said);
        session.dispose();
      }
      expect(batch.size).toBe(0);
    }
  });
}

describe("a batch", () => {
  /** What a session says alone. */
  async function alone(model: DecoderModel, index: number): Promise<Said> {
    using session = await sessionOf(model, index);
    return await said(session, (requests[index] as (typeof requests)[number]).asked);
  }

  test("passes are shared by all who generate", async () => {
    using model = DecoderModel.fromData(tinyBackbone());
    using batch = new SessionBatch(model);
    const passes = vi.spyOn(RowBatch.prototype, "iterate");
    const sessions = await Promise.all([0, 1, 2, 3].map((index) => sessionOf(model, index)));
    const alone = sessions.map((session) => session.fork());
    const given = await Promise.all(sessions.map((each, index) => said(each, { maxNewTokens: 2 + index, batch })));
    // Of 14 tokens; whoever is first, or last, reads alone.
    const sizes = passes.mock.calls.map(([tokens]) => tokens.size).filter((size) => size > 1);
    expect(sizes.length).toBeLessThanOrEqual(5);
    expect(Math.max(...sizes)).toBe(4);
    expect(sizes.reduce((total, size) => total + size, 0)).toBeGreaterThanOrEqual(11);
    passes.mockRestore();
    for (const [index, session] of alone.entries()) {
      expect(given[index]?.flops).toBe((await said(session, { maxNewTokens: 2 + index })).flops);
    }
    for (const session of [...sessions, ...alone]) session.dispose();
  });

  /** How many tokens the others had got when each of them got its first. */
  async function firstTokens(runs: readonly AsyncGenerator<GenerationEvent>[]): Promise<number[]> {
    const first = runs.map(() => -1);
    let tokens = 0;
    await Promise.all(
      runs.map(async (events, index) => {
        for await (const { event } of events) {
          if (event !== "token-delta") continue;
          if (first[index] === -1) first[index] = tokens;
          tokens++;
        }
      }),
    );
    return first;
  }

  test("more sessions than rows take turns, and say what they say alone", async () => {
    using model = DecoderModel.fromData(tinyModel({ maxPositionEmbeddings: 256 }));
    using batch = new SessionBatch(model, { maximumRows: 2 });
    const twice = custom(({ iteration }) => iteration === 2, { maximum: 3, needs: { states: true } });
    const options = { maxNewTokens: 90, stopTokens: [], deliberation: twice };
    const sessions = await Promise.all([0, 1, 2, 3, 4].map(() => sessionOf(model, 1, 128)));
    using reference = await sessionOf(model, 1, 128);
    const first = await firstTokens(sessions.map((session) => session.generate({ ...options, batch })));
    // Nobody waits for somebody to end.
    expect(Math.max(...first)).toBeLessThan(90);
    const expected = await said(reference, options);
    for (const session of sessions) {
      expect(session.tokens.slice(-90)).toEqual(expected.tokens);
      session.dispose();
    }
  });

  test("who comes later, with a longer context, gets a row while others are amid their positions", async () => {
    using model = DecoderModel.fromData(tinyModel({ maxPositionEmbeddings: 256 }));
    using batch = new SessionBatch(model);
    const often = (count: number) =>
      custom(({ iteration }) => iteration === count, { maximum: 9, needs: { logits: true } });
    const early = await Promise.all([0, 1, 2].map(() => sessionOf(model, 1, 80)));
    using late = await sessionOf(model, 2, 200);
    using reference = late.fork();
    const options = { maxNewTokens: 8, stopTokens: [], deliberation: often(3) };
    const runs = early.map((session, index) =>
      session.generate({ maxNewTokens: 60, stopTokens: [], deliberation: often(2 + index), batch }),
    );
    for (const run of runs) await run.next();
    const first = await firstTokens([...runs, late.generate({ ...options, batch })]);
    expect(first.at(-1)).toBeLessThan(12);
    expect(late.tokens.slice(-8)).toEqual((await said(reference, options)).tokens);
    for (const session of early) session.dispose();
  });

  test("who rests amid a position, even for ever, keeps nobody from a row", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using batch = new SessionBatch(model, { maximumRows: 1 });
    const deliberation = custom(({ iteration }) => iteration === 3, { maximum: 4, needs: { states: true } });
    const options = { maxNewTokens: 5, stopTokens: [], deliberation };
    using resting = await sessionOf(model, 1);
    const gone = resting.fork();
    using reference = resting.fork();
    using quick = await sessionOf(model, 2);
    const expected = await alone(model, 2);
    const events = resting.generate({ ...options, batch });
    const left = gone.generate({ ...options, batch });
    await Promise.all([events.next(), left.next()]);
    gone.dispose();
    expectAlike(await said(quick, { ...requests[2]?.asked, batch } as SessionGeneration), expected);
    for await (const _event of events);
    expect(resting.tokens.slice(-5)).toEqual((await said(reference, options)).tokens);
    await expect(left.next()).rejects.toMatchObject({ code: "disposed" });
  });

  test("an abort is heard while waiting for a row", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using batch = new SessionBatch(model, { maximumRows: 1 });
    using busy = await sessionOf(model, 0);
    using waiting = await sessionOf(model, 1);
    const controller = new AbortController();
    let tokens = 0;
    const runs = Promise.all([
      (async () => {
        for await (const { event } of busy.generate({ maxNewTokens: 30, stopTokens: [], batch })) {
          if (event === "token-delta" && ++tokens === 5) controller.abort();
        }
      })(),
      expect(said(waiting, { maxNewTokens: 14, batch, signal: controller.signal }))
        .rejects.toMatchObject({
          name: "AbortError",
        })
        .then(() => tokens),
    ]);
    expect((await runs)[1]).toBeLessThan(10);
    expect(tokens).toBe(30);
    expect(waiting.length).toBe(7);
  });

  test("does not wait for who is slow, and gives its row to who waits for one", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using batch = new SessionBatch(model, { maximumRows: 1 });
    using slow = await sessionOf(model, 0);
    using quick = await sessionOf(model, 1);
    const expected = [await alone(model, 0), await alone(model, 1)] as const;
    const events = slow.generate({ ...requests[0]?.asked, stopTokens: [], batch } as SessionGeneration);
    const first = (await events.next()).value;
    expectAlike(await said(quick, { ...requests[1]?.asked, batch } as SessionGeneration), expected[1]);
    const tokens = [first as GenerationEvent];
    for await (const event of events) tokens.push(event);
    expect(tokens.flatMap((event) => (event.event === "token-delta" ? [event.token] : []))).toEqual(expected[0].tokens);
  });

  test("who looks on alone and is then joined goes on at the right positions", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using batch = new SessionBatch(model);
    const deliberation = custom(({ iteration }) => iteration === 2, { maximum: 3, needs: { states: true } });
    const options = { maxNewTokens: 9, stopTokens: [], deliberation };
    using session = await sessionOf(model, 1);
    using reference = session.fork();
    using other = await sessionOf(model, 0);
    const expected = await said(reference, options);
    const events = session.generate({ ...options, batch });
    const seen: GenerationEvent[] = [];
    const nextToken = async () => {
      for (let { value } = await events.next(); value; { value } = await events.next()) {
        seen.push(value);
        if (value.event === "token-delta") return;
      }
    };
    for (let token = 0; token < 4; token++) await nextToken();
    await Promise.all([said(other, { maxNewTokens: 3, batch }), nextToken(), nextToken().then(nextToken)]);
    for await (const event of events) seen.push(event);
    expect(seen.flatMap((event) => (event.event === "token-delta" ? [event.token] : []))).toEqual(expected.tokens);
    const positions = seen.flatMap((event) => (event.event === "iteration-end" ? [event.position] : []));
    expect(positions).toEqual(Array.from({ length: 9 }, (_, index) => [6 + index, 6 + index]).flat());
  });

  test("a policy that fails, an abort, a break and a session that is disposed of are nobody else's", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using batch = new SessionBatch(model);
    const expected = await alone(model, 3);
    using unharmed = await sessionOf(model, 3);
    using failing = await sessionOf(model, 1);
    using aborted = await sessionOf(model, 1);
    using left = await sessionOf(model, 1);
    const gone = await sessionOf(model, 1);
    using reference = await sessionOf(model, 1);
    const fails = custom(
      ({ iteration, position }) => {
        if (position === 9 && iteration === 2) throw new Error("the policy fails");
        return iteration === 2;
      },
      { maximum: 3, needs: { states: true } },
    );
    const controller = new AbortController();
    const runs = [
      said(failing, { maxNewTokens: 8, deliberation: fails, batch }),
      (async () => {
        for await (const event of aborted.generate({
          maxNewTokens: 8,
          stopTokens: [],
          signal: controller.signal,
          batch,
        })) {
          if (event.event === "token-delta" && event.index === 2) controller.abort();
        }
      })(),
      (async () => {
        for await (const event of left.generate({ maxNewTokens: 8, stopTokens: [], batch })) {
          if (event.event === "token-delta" && event.index === 2) break;
        }
      })(),
      (async () => {
        for await (const event of gone.generate({ maxNewTokens: 8, stopTokens: [], batch })) {
          if (event.event === "token-delta" && event.index === 2) gone.dispose();
        }
      })(),
    ];
    const [given, ...others] = await Promise.allSettled([
      said(unharmed, { ...requests[3]?.asked, batch } as SessionGeneration),
      ...runs,
    ]);
    if (given?.status !== "fulfilled") throw new Error("the one that nothing happened to did not end");
    expectAlike(given.value, expected);
    expect(others.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "rejected"]);
    expect((others[0] as PromiseRejectedResult).reason.message).toBe("the policy fails");
    expect((others[1] as PromiseRejectedResult).reason.name).toBe("AbortError");
    expect((others[3] as PromiseRejectedResult).reason).toMatchObject({ code: "disposed" });
    // Those that are left stand where their texts do.
    const plain = await said(reference, { maxNewTokens: 6 });
    for (const session of [aborted, left]) {
      expect(session.length).toBe(10);
      expect((await said(session, { maxNewTokens: 3 })).tokens).toEqual(plain.tokens.slice(3));
    }
    using repeated = await sessionOf(model, 1);
    const twice = fixed(2);
    const before = await said(repeated, { maxNewTokens: failing.length - 7, deliberation: twice });
    expect(failing.tokens.slice(7)).toEqual(before.tokens);
    expect((await said(failing, { maxNewTokens: 4, deliberation: twice })).tokens).toEqual(
      (await said(repeated, { maxNewTokens: 4, deliberation: twice })).tokens,
    );
  });

  test("refuses another model's session, one with the stream off, rows that cannot be, and everybody once it is disposed of", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using other = DecoderModel.fromData(tinyModel());
    const batch = new SessionBatch(model);
    using foreign = await sessionOf(other, 0);
    using off = new Session(model, { streamOff: true });
    await off.append([1, 2]);
    for (const session of [foreign, off]) {
      expect(() => session.generate({ maxNewTokens: 1, batch })).toThrow(
        expect.objectContaining({ code: "contradiction" }),
      );
    }
    expect(() => new SessionBatch(model, { maximumRows: 0 })).toThrow(
      expect.objectContaining({ code: "invalid-argument" }),
    );
    using session = await sessionOf(model, 1);
    const events = session.generate({ maxNewTokens: 5, stopTokens: [], batch });
    await events.next();
    batch.dispose();
    await expect(events.next()).rejects.toMatchObject({ code: "disposed" });
    expect(session.length).toBe(8);
    expect(() => session.generate({ maxNewTokens: 1, batch })).toThrow(expect.objectContaining({ code: "disposed" }));
    using reference = await sessionOf(model, 1);
    const expected = await said(reference, { maxNewTokens: 4 });
    expect((await said(session, { maxNewTokens: 3 })).tokens).toEqual(expected.tokens.slice(1));
  });

  test("leaves nothing on the device", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const run = async () => {
      using batch = new SessionBatch(model, { maximumRows: 4 });
      const sessions = await Promise.all(requests.map((_, index) => sessionOf(model, index)));
      await Promise.all(
        sessions.map((session, index) => said(session, { ...requests[index]?.asked, batch } as SessionGeneration)),
      );
      for (const session of sessions) session.dispose();
    };
    // As many times as there are plans to keep.
    for (let time = 0; time < 3; time++) await run();
    const before = memory();
    await run();
    expect(memory()).toEqual(before);
  });
});
