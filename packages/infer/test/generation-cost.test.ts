/** What a generation says that it cost, against counting by hand. */
import "@sst/backend-cpu";
import { custom, type DeliberationPolicy, fixed, Session, type SessionGeneration } from "@sst/infer";
import { DecoderModel, type ModelData } from "@sst/layers";
import { ready } from "@sst/tensor";
import { beforeAll, expect, test } from "vitest";
import { tinyBackbone, tinyModel } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

// Of two layers, each: q and o 16·16, k and v 16·8, gate, up and down 16·24; then 4·16 per key that is seen, 3·16 of the blend.
const plain = (keys: number) => 2 * (2 * (2 * 256 + 2 * 128 + 3 * 384) + 64 * keys);
const blended = (keys: number) => plain(keys) + 2 * 48;
const recirculation = 2 * 256 + 48;
const head = 2 * 16 * 11;

const recirculating = tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } });
const prompt = [3, 1, 4, 1, 5];

async function flopsOf(session: Session, options: Partial<SessionGeneration>): Promise<number> {
  for await (const event of session.generate({ maxNewTokens: 2, stopTokens: [], ...options })) {
    if (event.event === "generation-end") return event.figures.flops;
  }
  throw new Error("the last event should be the end");
}

async function costOf(data: ModelData, deliberation: DeliberationPolicy, start = prompt, streamOff = false) {
  using model = DecoderModel.fromData(data);
  using session = new Session(model, { streamOff });
  await session.append(start);
  return await flopsOf(session, { deliberation });
}

test("iterations that are known beforehand, and one head a position", async () => {
  expect(await costOf(tinyModel(), fixed(1))).toBe(blended(5) + blended(6) + 2 * head);
  expect(await costOf(tinyModel(), fixed(3))).toBe(3 * blended(5) + 3 * blended(6) + 2 * head);
  expect(await costOf(recirculating, fixed(3))).toBe(3 * blended(5) + 3 * blended(6) + 4 * recirculation + 2 * head);
  // Nothing is in the caches yet.
  expect(await costOf(recirculating, fixed(3), [3])).toBe(
    3 * blended(1) + 3 * blended(2) + 4 * recirculation + 2 * head,
  );
});

test("without a stream, and with it switched off", async () => {
  expect(await costOf(tinyBackbone(), fixed(1))).toBe(plain(5) + plain(6) + 2 * head);
  expect(await costOf(recirculating, fixed(1), prompt, true)).toBe(plain(5) + plain(6) + 2 * head);
});

test("a head for each iteration whose logits a policy sees, and one for all where it sees states alone", async () => {
  const after = (count: number, needs: { logits?: true; states?: true }) =>
    custom(({ iteration }) => iteration === count, { maximum: 4, needs });
  const twice = 2 * blended(5) + 2 * blended(6) + 2 * recirculation;
  expect(await costOf(recirculating, after(2, { logits: true }))).toBe(twice + 2 * 2 * head);
  expect(await costOf(recirculating, after(2, { states: true }))).toBe(twice + 2 * head);
  const fourTimes = 4 * blended(5) + 4 * blended(6) + 6 * recirculation;
  expect(await costOf(recirculating, after(5, { logits: true, states: true }))).toBe(fourTimes + 2 * 4 * head);
});

test("a position that an earlier generation has run is not counted again", async () => {
  using model = DecoderModel.fromData(recirculating);
  using session = new Session(model);
  await session.append(prompt);
  const anything = Array.from({ length: model.config.vocabSize }, (_, token) => token);
  expect(await flopsOf(session, { stopTokens: anything })).toBe(blended(5) + head);
  expect(await flopsOf(session, { maxNewTokens: 1 })).toBe(0);
});
