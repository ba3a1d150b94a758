/** Sessions on the device: what they read in parallel and together, and that a long text takes no more of it than a short one. */
import { deviceCounters } from "@sst/backend-webgpu";
import {
  custom,
  fixed,
  Session,
  SessionBatch,
  type SessionGeneration,
  type SessionOptions,
  untilConverged,
} from "@sst/infer";
import { DecoderModel, type ModelData } from "@sst/layers";
import { memory } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { tinyBackbones, tinyModel, tinyTokens, withUnevenVectors } from "../../layers/test/tiny-model.js";

const models: Readonly<Record<string, ModelData>> = {
  "Llama with a stream": tinyModel(),
  "Gemma 3, whose window is a ring": withUnevenVectors(tinyModel(tinyBackbones["Gemma 3"])),
  "with recirculation": tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } }),
};

const prompt = (length: number) => tinyTokens(1, length)[0] as number[];

async function sessionOf(model: DecoderModel, length: number, options: SessionOptions = {}): Promise<Session> {
  const session = new Session(model, options);
  await session.append(prompt(length));
  return session;
}

async function said(session: Session, options: SessionGeneration) {
  const deltas: { token: number; logProbability: number; iterations: number }[] = [];
  for await (const event of session.generate({ stopTokens: [], ...options })) {
    if (event.event !== "token-delta") continue;
    deltas.push({ token: event.token, logProbability: event.logProbability, iterations: event.iterations });
  }
  return deltas;
}

type Said = Awaited<ReturnType<typeof said>>;

function expectAlike(given: Said, expected: Said): void {
  const counted = (all: Said) => all.map(({ token, iterations }) => [token, iterations]);
  expect(counted(given)).toEqual(counted(expected));
  for (const [index, { logProbability }] of given.entries()) {
    expect(logProbability).toBeCloseTo(expected[index]?.logProbability as number, 4);
  }
}

export function sessionSuite(): void {
  describe("sessions", () => {
    for (const [name, data] of Object.entries(models)) {
      test(`${name}: read at once, in chunks, token by token, by sweeps, forked, gone back in and saved`, async () => {
        using model = DecoderModel.fromData(data);
        using whole = await sessionOf(model, 17);
        using mark = whole.mark();
        const bytes = await whole.save();
        const expected = await said(whole, { maxNewTokens: 6 });
        const others = [
          await sessionOf(model, 17, { reading: { chunk: 5 } }),
          await sessionOf(model, 17, { reading: { chunk: 1 } }),
          await sessionOf(model, 17, { reading: { solver: "auto", tolerance: 1e-5, sweeps: 4 } }),
          await Session.load(model, bytes),
        ];
        for (const session of others) {
          using fork = session.fork();
          expectAlike(await said(session, { maxNewTokens: 6 }), expected);
          expectAlike(await said(fork, { maxNewTokens: 6 }), expected);
          session.dispose();
        }
        await whole.rewind(mark);
        expectAlike(await said(whole, { maxNewTokens: 6 }), expected);
      });

      test(`${name}: sessions of different lengths and policies say together what each says alone`, async () => {
        using model = DecoderModel.fromData(data);
        const twice = custom(({ iteration }) => iteration === 2, { maximum: 3, needs: { states: true, logits: true } });
        const asked: readonly SessionGeneration[] = [
          { maxNewTokens: 7 },
          { maxNewTokens: 5, temperature: 0.8, seed: 2 },
          { maxNewTokens: 4, deliberation: fixed(3) },
          { maxNewTokens: 4, deliberation: untilConverged({ tolerance: 0.3, maximum: 3 }) },
          { maxNewTokens: 3, deliberation: twice },
        ];
        const lengths = [1, 12, 3, 6, 9];
        const expected: Said[] = [];
        for (const [index, options] of asked.entries()) {
          using session = await sessionOf(model, lengths[index] as number);
          expected.push(await said(session, options));
        }
        using batch = new SessionBatch(model);
        const sessions = await Promise.all(lengths.map((length) => sessionOf(model, length)));
        const given = await Promise.all(
          sessions.map((session, index) => said(session, { ...(asked[index] as SessionGeneration), batch })),
        );
        for (const [index, each] of given.entries()) expectAlike(each, expected[index] as Said);
        for (const session of sessions) session.dispose();
      });
    }

    test("a token of a batch takes as many dispatches for five sessions as for two", async () => {
      using model = DecoderModel.fromData(tinyModel());
      const dispatches: number[] = [];
      for (const count of [2, 5]) {
        using batch = new SessionBatch(model);
        const sessions = await Promise.all(Array.from({ length: count }, (_, index) => sessionOf(model, 2 + index)));
        const generations = sessions.map((session) => session.generate({ maxNewTokens: 9, stopTokens: [], batch }));
        const next = () => Promise.all(generations.map((generation) => generation.next()));
        for (let token = 0; token < 4; token++) await next();
        const before = deviceCounters();
        await next();
        const after = deviceCounters();
        expect(after.buffersCreated).toBe(before.buffersCreated);
        expect(after.bytesReadBack - before.bytesReadBack).toBe(4 * 2 ** Math.ceil(Math.log2(count)) * 11);
        dispatches.push(after.dispatches - before.dispatches);
        await Promise.all(generations.map((generation) => generation.return()));
        for (const session of sessions) session.dispose();
      }
      expect(dispatches[1]).toBe(dispatches[0]);
    });

    // In software a decoded token takes its time, so most of them are read in chunks.
    test("10,000 tokens, the last 300 decoded, leave memory where it was and create no buffer", async () => {
      const sizes = { numHiddenLayers: 1, numAttentionHeads: 2, numKeyValueHeads: 1 };
      using model = DecoderModel.fromData(tinyModel({ ...sizes, maxPositionEmbeddings: 10_100 }));
      using session = new Session(model);
      const now = () => ({ ...memory(), buffersCreated: deviceCounters().buffersCreated });
      const chunk = prompt(485);
      const whileRead: unknown[] = [];
      for (let part = 0; part < 20; part++) {
        await session.append(chunk);
        whileRead.push(now());
      }
      // Uniforms of the first chunks wait for others to be used again.
      expect(whileRead.slice(11)).toEqual(whileRead.slice(11).map(() => whileRead[10]));
      let before: unknown;
      const dispatches: number[] = [];
      for await (const event of session.generate({ maxNewTokens: 300, stopTokens: [] })) {
        if (event.event !== "token-delta") continue;
        dispatches.push(deviceCounters().dispatches);
        if (event.index === 10) before = now();
        else if (event.index % 50 === 49) expect(now()).toEqual(before);
      }
      // A token costs the same steps wherever it stands.
      const perToken = dispatches.slice(1).map((count, index) => count - (dispatches[index] as number));
      expect(new Set(perToken.slice(2)).size).toBe(1);
      expect(session.length).toBe(10_000);
    });
  });
}
