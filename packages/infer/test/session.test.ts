/** Sessions: what they hold is what was read, whichever way they came there. */
import "@sst/backend-cpu";
import {
  ChoiceTrie,
  custom,
  fixed,
  type GenerationEvent,
  generate,
  Session,
  type SessionGeneration,
  untilConverged,
} from "@sst/infer";
import { DecoderModel, type ModelConfig, type ModelData } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyBackbone, tinyBackbones, tinyModel, withUnevenVectors } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const stateStream = { alphaMin: 0.1, alphaMax: 0.8, recirculate: true };
const models: Readonly<Record<string, ModelData>> = {
  "Llama with a stream": tinyModel(),
  "Gemma 3, whose window is a ring": withUnevenVectors(tinyModel(tinyBackbones["Gemma 3"])),
  "with recirculation": tinyModel({ stateStream }),
};
const prompt = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];
const short = { maxNewTokens: 12, stopTokens: [] };

async function eventsOf(session: Session, options: SessionGeneration): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  for await (const event of session.generate(options)) events.push(event);
  return events;
}

const tokensIn = (events: readonly GenerationEvent[]) =>
  events.flatMap((event) => (event.event === "token-delta" ? [event.token] : []));

async function tokensOf(session: Session, options: SessionGeneration): Promise<number[]> {
  return tokensIn(await eventsOf(session, options));
}

async function plainly(model: DecoderModel, tokens: readonly number[], options: Parameters<typeof generate>[2]) {
  const found: number[] = [];
  for await (const token of generate(model, tokens, options)) found.push(token);
  return found;
}

for (const [name, data] of Object.entries(models)) {
  describe(name, () => {
    test("says what `generate` says, at once and in parts, greedily and drawn, with one iteration and with three", async () => {
      using model = DecoderModel.fromData(data);
      for (const iterations of [1, 3]) {
        for (const drawn of [{}, { temperature: 0.9, seed: 3 }]) {
          const expected = await plainly(model, prompt, { ...short, ...drawn, iterations, promptIterations: 1 });
          for (const parts of [[prompt], [prompt.slice(0, 1), prompt.slice(1, 7), prompt.slice(7)]]) {
            using session = new Session(model, { reading: { chunk: 3 } });
            for (const part of parts) await session.append(part);
            expect(await tokensOf(session, { ...short, ...drawn, deliberation: fixed(iterations) })).toEqual(expected);
            expect(session.tokens).toEqual([...prompt, ...expected]);
          }
        }
      }
    });

    test("a policy that looks on gives what the same number of iterations gives", async () => {
      using model = DecoderModel.fromData(data);
      const never = custom(() => false, { maximum: 3, needs: { states: true, logits: true } });
      for (const start of [prompt, prompt.slice(0, 1)]) {
        using known = new Session(model);
        await known.append(start);
        const expected = await tokensOf(known, { ...short, deliberation: fixed(3) });
        using seen = new Session(model);
        await seen.append(start);
        const events = await eventsOf(seen, { ...short, deliberation: never });
        expect(tokensIn(events)).toEqual(expected);
        expect(events.filter(({ event }) => event === "iteration-end")).toHaveLength(3 * expected.length);
      }
    });

    test("a fork, a mark and so many tokens back go on as the text did", async () => {
      using model = DecoderModel.fromData(data);
      using session = new Session(model);
      await session.append(prompt);
      using mark = session.mark();
      using fork = session.fork();
      const first = await tokensOf(session, short);
      const more = await tokensOf(session, short);
      expect(await tokensOf(fork, short)).toEqual(first);
      expect(await tokensOf(fork, short)).toEqual(more);
      await session.rewind(mark);
      expect(session.tokens).toEqual(prompt);
      expect(await tokensOf(session, { ...short, maxNewTokens: 24 })).toEqual([...first, ...more]);
      await session.rewind(prompt.length + 5);
      expect(await tokensOf(session, { ...short, maxNewTokens: 7 })).toEqual(first.slice(5));
      await session.rewind(mark);
      await session.append([7, 7]);
      using other = new Session(model);
      await other.append([...prompt, 7, 7]);
      expect(await tokensOf(session, short)).toEqual(await tokensOf(other, short));
    });

    test("comes back from bytes to the bit", async () => {
      using model = DecoderModel.fromData(data);
      using session = new Session(model);
      await session.append(prompt);
      await tokensOf(session, { ...short, maxNewTokens: 3 });
      const bytes = await session.save();
      using loaded = await Session.load(model, bytes);
      expect([loaded.tokens, loaded.context]).toEqual([session.tokens, session.context]);
      const deltas = async (each: Session) =>
        (await eventsOf(each, { ...short, topLogProbabilities: 3 })).filter(({ event }) => event === "token-delta");
      expect(await deltas(loaded)).toEqual(await deltas(session));
    });

    test("leaves nothing on the device", async () => {
      using model = DecoderModel.fromData(data);
      const run = async () => {
        using session = new Session(model);
        await session.append(prompt);
        using fork = session.fork();
        using mark = session.mark();
        await tokensOf(fork, { ...short, deliberation: untilConverged({ tolerance: 1e-9, maximum: 3 }) });
        await tokensOf(session, short);
        await session.rewind(mark);
        await session.rewind(2);
        using loaded = await Session.load(model, await session.save());
        await loaded.append([1]);
      };
      await run();
      const before = memory();
      await run();
      expect(memory()).toEqual(before);
    });
  });
}

describe("a generation", () => {
  test("that is left keeps what was given out, and the text goes on from there", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using whole = new Session(model);
    await whole.append(prompt);
    const expected = await tokensOf(whole, short);
    using session = new Session(model);
    await session.append(prompt);
    const given: number[] = [];
    for await (const event of session.generate(short)) {
      if (event.event === "token-delta") given.push(event.token);
      if (given.length === 5) break;
    }
    expect(session.tokens).toEqual([...prompt, ...given]);
    expect([...given, ...(await tokensOf(session, { ...short, maxNewTokens: 7 }))]).toEqual(expected);
  });

  test("ends at a stop token, which is not kept; then it goes on when something follows", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using session = new Session(model);
    await session.append(prompt);
    const expected = await tokensOf(session, short);
    const stop = expected[4] as number;
    const until = expected.slice(0, expected.indexOf(stop));
    using stopped = new Session(model);
    await stopped.append(prompt);
    for (let again = 0; again < 2; again++) {
      const events = await eventsOf(stopped, { ...short, stopTokens: [stop] });
      expect(tokensIn(events)).toEqual(again === 0 ? until : []);
      expect(events.at(-1)).toMatchObject({ event: "generation-end", reason: "stop-token" });
    }
    await stopped.append([stop]);
    expect(await tokensOf(stopped, { ...short, maxNewTokens: 3 })).toEqual(
      expected.slice(until.length + 1, until.length + 4),
    );
  });

  test("ends at a stop text without a part of it", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using session = new Session(model);
    await session.append(prompt);
    const letters = { push: (token: number) => "abcdefghijk"[token] as string, end: () => "" };
    using probe = session.fork();
    const text = (await tokensOf(probe, short)).map(letters.push).join("");
    const stop = text.slice(5, 8);
    const events = await eventsOf(session, { ...short, decoder: letters, stopTexts: [stop] });
    const given = events.map((event) => ("text" in event ? event.text : "")).join("");
    expect(given).toBe(text.slice(0, text.indexOf(stop)));
    expect(events.at(-1)).toMatchObject({ reason: "stop-text" });
  });

  test("chooses among answers, and counts what it cost", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using session = new Session(model);
    await session.append(prompt);
    const answers = [[1, 2, 3], [1, 2, 4], [7]];
    const events = await eventsOf(session, { ...short, choices: new ChoiceTrie(answers), deliberation: fixed(2) });
    const end = events.at(-1);
    if (end?.event !== "generation-end") throw new Error("the last event should be the end");
    expect(end.reason).toBe("choice");
    expect(tokensIn(events)).toEqual(answers[end.choice as number]);
    const count = tokensIn(events).length;
    expect(end.figures).toMatchObject({ promptTokens: prompt.length, newTokens: count, iterations: 2 * count });
  });
});

describe("reading by sweeps", () => {
  test("is used where it comes near enough, and never where it does not", async () => {
    const cases: [ModelConfig["stateStream"] & {}, number, boolean][] = [
      [{ alphaMin: 0.001, alphaMax: 0.002 }, 1e-4, true],
      [{ alphaMin: 0.7, alphaMax: 0.9 }, 1e-6, false],
    ];
    for (const [bounds, tolerance, isSwept] of cases) {
      using model = DecoderModel.fromData(tinyModel({ stateStream: bounds }));
      using exact = new Session(model);
      await exact.append(prompt);
      using swept = new Session(model, { reading: { solver: "auto", tolerance, sweeps: 3 } });
      const report = await swept.append(prompt);
      expect(report).toMatchObject({ positions: prompt.length - 1, swept: isSwept ? prompt.length - 1 : 0 });
      expect(report.residual).toBeLessThanOrEqual(tolerance);
      const options = { ...short, topLogProbabilities: 2 };
      const [there, here] = [await eventsOf(exact, options), await eventsOf(swept, options)];
      expect(tokensIn(here)).toEqual(tokensIn(there));
      // What was read exactly in the end is what exact reading gives, to the bit.
      const deltas = (events: GenerationEvent[]) => events.filter(({ event }) => event === "token-delta");
      if (!isSwept) expect(deltas(here)).toEqual(deltas(there));
    }
  });
});

test("others have their turn between the chunks of a long prompt", async () => {
  using model = DecoderModel.fromData(tinyModel());
  using session = new Session(model, { reading: { chunk: 8 } });
  let turns = 0;
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await session.append(Array.from({ length: 41 }, (_, index) => index % 11));
  clearImmediate(next);
  expect(turns).toBeGreaterThanOrEqual(4);
});

test("10,000 tokens leave memory where it was", async () => {
  using model = DecoderModel.fromData(tinyModel({ maxPositionEmbeddings: 10_100 }));
  using session = new Session(model);
  await session.append(prompt);
  let before: ReturnType<typeof memory> | undefined;
  for await (const event of session.generate({ maxNewTokens: 10_000, stopTokens: [] })) {
    if (event.event !== "token-delta") continue;
    if (event.index === 10) before = memory();
    else if (event.index % 1000 === 11) expect(memory()).toEqual(before);
  }
  expect(session.length).toBe(10_010);
});

describe("refused, while the session and others go on", () => {
  test("what does not fit, what nobody knows, nothing at all", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using session = new Session(model, { context: 16 });
    expect(() => session.generate(short)).toThrowError(expect.objectContaining({ code: "empty-prompt" }));
    await session.append(prompt);
    await expect(session.append([1, 2, 3, 4, 5, 6, 7])).rejects.toMatchObject({ code: "context-overflow" });
    await expect(session.append([99])).rejects.toMatchObject({ code: "unknown-token" });
    expect(() => session.generate(short)).toThrowError(expect.objectContaining({ code: "context-overflow" }));
    const options = { maxNewTokens: 2, stopTokens: [] };
    expect(() => session.generate({ ...options, maxNewTokens: 0 })).toThrowError(/maxNewTokens/);
    expect(() => session.generate({ ...options, stopTexts: ["x"] })).toThrowError(/give a decoder/);
    expect(() => fixed(0)).toThrowError(expect.objectContaining({ code: "invalid-argument" }));
    for (const context of [0, 65, 1.5]) {
      expect(() => new Session(model, { context })).toThrowError(/context should be a whole number from 1/);
    }
    await expect(session.rewind(11)).rejects.toMatchObject({ code: "invalid-argument" });
    using other = new Session(model);
    using mark = other.mark();
    await expect(session.rewind(mark)).rejects.toMatchObject({ code: "invalid-argument" });
    expect(await tokensOf(session, options)).toHaveLength(2);
  });

  test("two at once on one session, and a call after dispose", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const session = new Session(model);
    await session.append(prompt);
    const running = session.generate(short);
    await running.next();
    const busy = expect.objectContaining({ code: "contradiction", message: expect.stringContaining("busy") });
    await expect(session.generate(short).next()).rejects.toThrowError(busy);
    await expect(session.append([1])).rejects.toThrowError(busy);
    await expect(session.save()).rejects.toThrowError(busy);
    expect(() => session.fork()).toThrowError(busy);
    await running.return();
    expect(await tokensOf(session, short)).toHaveLength(12);
    session.dispose();
    session.dispose();
    await expect(session.append([1])).rejects.toMatchObject({ code: "disposed" });
    expect(() => session.generate(short)).toThrowError(expect.objectContaining({ code: "disposed" }));
  });

  test("iterations without a stream", async () => {
    using model = DecoderModel.fromData(tinyBackbone());
    using session = new Session(model);
    await session.append(prompt);
    expect(() => session.generate({ ...short, deliberation: fixed(2) })).toThrowError(/carry the state stream on/);
    expect(await tokensOf(session, short)).toHaveLength(12);
  });

  test("a policy that fails, an aborted generation, logits that are no numbers", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using session = new Session(model);
    await session.append(prompt);
    using untouched = session.fork();
    const expected = await tokensOf(untouched, short);
    const failing = custom(
      ({ iteration }) => {
        if (iteration === 2) throw new Error("of its own");
        return false;
      },
      { maximum: 4 },
    );
    await expect(tokensOf(session, { ...short, deliberation: failing })).rejects.toThrowError("of its own");
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(tokensOf(session, { ...short, signal: controller.signal })).rejects.toThrowError("enough");
    await expect(session.append([1, 2], { signal: controller.signal })).rejects.toThrowError("enough");
    expect(session.tokens).toEqual(prompt);
    expect(await tokensOf(session, short)).toEqual(expected);

    const broken = tinyModel();
    const norm = broken.weights["model.norm.weight"] as { readonly data: Float32Array };
    norm.data[0] = Number.NaN;
    using nan = DecoderModel.fromData(broken);
    using stuck = new Session(nan);
    await stuck.append(prompt);
    for (let again = 0; again < 2; again++) {
      await expect(tokensOf(stuck, short)).rejects.toMatchObject({ code: "not-finite" });
    }
  });

  test("a policy that fails later: the session stands behind the last token, as if it had not been asked", async () => {
    for (const data of Object.values(models)) {
      using model = DecoderModel.fromData(data);
      using session = new Session(model);
      await session.append(prompt);
      using untouched = session.fork();
      const twice = fixed(2);
      const expected = await tokensOf(untouched, { ...short, deliberation: twice });
      const failing = custom(
        ({ iteration, position }) => {
          if (position === prompt.length + 3 && iteration === 2) throw new Error("of its own");
          return iteration === 2;
        },
        { maximum: 4, needs: { logits: true } },
      );
      await expect(tokensOf(session, { ...short, deliberation: failing })).rejects.toThrowError("of its own");
      const kept = session.tokens.slice(prompt.length);
      expect(kept).toEqual(expected.slice(0, 4));
      const options = { ...short, maxNewTokens: short.maxNewTokens - kept.length, deliberation: twice };
      expect(await tokensOf(session, options)).toEqual(expected.slice(4));
    }
  });

  test("bytes that are another model's, cut short, changed, or none of a session", async () => {
    using model = DecoderModel.fromData(tinyModel());
    using other = DecoderModel.fromData(withUnevenVectors(tinyModel()));
    using session = new Session(model);
    await session.append(prompt);
    const bytes = await session.save();
    await expect(Session.load(other, bytes)).rejects.toMatchObject({ code: "contradiction" });
    const before = memory();
    for (const length of [0, 5, 20, 60, 400, bytes.length - 40, bytes.length - 1]) {
      await expect(Session.load(model, bytes.slice(0, length)), `${length}`).rejects.toMatchObject({
        code: "file-corrupt",
      });
    }
    for (const at of [0, 9, 40, bytes.length - 100, bytes.length - 1]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 1;
      await expect(Session.load(model, changed), `${at}`).rejects.toMatchObject({ code: "file-corrupt" });
    }
    expect(memory()).toEqual(before);
  });
});
