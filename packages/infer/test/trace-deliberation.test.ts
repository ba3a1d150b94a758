/** Traces of generations that a policy deliberates on: what sessions give, with the figures of a fixed depth. */
import "@sst/backend-cpu";
import {
  custom,
  type DeliberationPolicy,
  fixed,
  Session,
  type TraceOptions,
  type TraceRecord,
  traceGeneration,
  untilConverged,
  untilDecided,
} from "@sst/infer";
import { DecoderModel } from "@sst/layers";
import { memory, ready } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const prompt = [1, 5, 2, 7];
const stream = { alphaMin: 0.1, alphaMax: 0.8 };

async function traced(model: DecoderModel, options: TraceOptions, from = prompt): Promise<TraceRecord[]> {
  const records: TraceRecord[] = [];
  for await (const record of traceGeneration(model, from, options)) records.push(record);
  return records;
}

/** Tokens and iterations of each. */
async function bySession(model: DecoderModel, deliberation: DeliberationPolicy, maxNewTokens: number) {
  using session = new Session(model);
  await session.append(prompt);
  const told: { token: number; iterations: number }[] = [];
  for await (const event of session.generate({ maxNewTokens, deliberation, stopTokens: [] })) {
    if (event.event === "token-delta") told.push({ token: event.token, iterations: event.iterations });
  }
  return told;
}

describe("a trace with a policy", () => {
  for (const recirculate of [false, true]) {
    test(`of a fixed depth has the figures of as many iterations, recirculation ${recirculate}`, async () => {
      using model = DecoderModel.fromData(
        tinyModel({ stateStream: { ...stream, ...(recirculate && { recirculate }) } }),
      );
      const options = { maxNewTokens: 6, withStates: true, withDistributions: true, topTokens: 2 };
      const expected = await traced(model, { ...options, iterations: 3, promptIterations: 1 });
      const given = await traced(model, { ...options, deliberation: fixed(3) });
      expect(given.map(({ token, next, origin }) => [token, next, origin])).toEqual(
        expected.map(({ token, next, origin }) => [token, next, origin]),
      );
      for (const [at, { states = [], distributions = [], layers, iterationShiftBits }] of expected.entries()) {
        const own = given[at] as TraceRecord;
        expect(own.states).toHaveLength(states.length);
        for (const [index, value] of states.entries()) expect(own.states?.[index]).toBeCloseTo(value, 5);
        for (const [index, value] of distributions.entries()) expect(own.distributions?.[index]).toBeCloseTo(value, 5);
        expect(own.iterationShiftBits ?? -1).toBeCloseTo(iterationShiftBits ?? -1, 5);
        const lenses = (record: Pick<TraceRecord, "layers">) =>
          record.layers.map((ofLayer) => ofLayer.map(({ lens }) => lens.top.map(({ token }) => token)));
        expect(lenses(own)).toEqual(lenses({ layers }));
      }
    });
  }

  for (const policy of [
    untilConverged({ tolerance: 0.3, maximum: 6 }),
    untilDecided({ entropyNats: 1.9, maximum: 5 }),
    custom(({ position, iteration }) => iteration > position % 3, { maximum: 4, needs: {} }),
  ]) {
    test(`goes as deep as a session does, with the same tokens: ${policy.name}`, async () => {
      using model = DecoderModel.fromData(tinyModel());
      const expected = await bySession(model, policy, 9);
      expect(new Set(expected.map(({ iterations }) => iterations)).size).toBeGreaterThan(1);
      const records = await traced(model, { maxNewTokens: 9, deliberation: policy });
      expect(records.slice(0, 3).map(({ posterior }) => posterior.length)).toEqual([1, 1, 1]);
      expect(records.slice(3).map(({ next, posterior }) => ({ token: next, iterations: posterior.length }))).toEqual(
        expected,
      );
    });
  }

  test("and a prompt of one token, or with iterations of its own, or without the stream", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const depths = (records: readonly TraceRecord[]) => records.map(({ posterior }) => posterior.length);
    expect(depths(await traced(model, { maxNewTokens: 2, deliberation: fixed(2) }, [3]))).toEqual([2, 2]);
    expect(depths(await traced(model, { promptIterations: 3, deliberation: fixed(2) }))).toEqual([3, 3, 3, 2]);
    const off = { maxNewTokens: 4, streamOff: true };
    const [plain, policed] = [await traced(model, off), await traced(model, { ...off, deliberation: fixed(1) })];
    const brief = (records: readonly TraceRecord[]) =>
      records.map(({ next, layers }) => [next, ...layers.map(([figures]) => figures?.norm.toFixed(4))]);
    expect(brief(policed)).toEqual(brief(plain));
  });

  test("leaves nothing behind, also where the policy throws", async () => {
    using model = DecoderModel.fromData(tinyModel());
    const deliberation = untilConverged({ tolerance: 0.3, maximum: 4 });
    await traced(model, { maxNewTokens: 4, deliberation });
    const before = memory();
    await traced(model, { maxNewTokens: 4, deliberation });
    const throwing = custom(
      ({ position }) => {
        if (position === 5) throw new Error("enough");
        return false;
      },
      { maximum: 3 },
    );
    await expect(traced(model, { maxNewTokens: 4, deliberation: throwing })).rejects.toThrowError("enough");
    expect(memory()).toEqual(before);
  });

  test("is refused beside iterations, and without a stream to iterate", async () => {
    using model = DecoderModel.fromData(tinyModel());
    for (const options of [{ iterations: 2 }, { streamOff: true }]) {
      await expect(traced(model, { deliberation: fixed(2), ...options })).rejects.toThrowError(
        expect.objectContaining({ code: "contradiction" }),
      );
    }
  });
});
