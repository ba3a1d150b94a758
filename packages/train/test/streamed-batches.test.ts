/** Documents read in parts: every one of them once an epoch, and cursors that go on anywhere to the bit. */
import "@sst/backend-cpu";
import { DecoderModel } from "@sst/layers";
import { memory, Random, ready } from "@sst/tensor";
import {
  type Batch,
  type Checkpoint,
  type DocumentParts,
  StreamedBatches,
  type TokenDocument,
  Trainer,
  TrainingRun,
} from "@sst/train";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

function partsOf(parts: readonly (readonly TokenDocument[])[], fingerprint = "these"): DocumentParts {
  return { partCount: parts.length, fingerprint, part: async (index) => parts[index] as readonly TokenDocument[] };
}

/** Parts of none to three documents of different lengths, each with a number of its own as its tokens. */
function numbered(partCount: number): TokenDocument[][] {
  const random = new Random("numbered");
  let number = 1;
  return Array.from({ length: partCount }, () =>
    Array.from({ length: random.integer(4) }, () => {
      const tokens = Array<number>(2 + random.integer(7)).fill(number++);
      return random.integer(3) > 0 ? { tokens } : { tokens, asked: tokens.map((_, index) => Number(index === 1)) };
    }),
  );
}

/** The documents in a batch, by their numbers, as often as they are asked for. */
const askedIn = ({ labels }: Batch) => [...labels].filter((label) => label >= 0);

describe("StreamedBatches", () => {
  test.each([true, false])("packed: %s: gives every document once an epoch, in an order of its own", async (packed) => {
    const parts = numbered(30);
    const count = parts.flat().length;
    const source = new StreamedBatches(partsOf(parts), { rows: 2, length: 8, packed, seed: 3 });
    const epoch = async () => {
      const seen: number[] = [];
      while (new Set(seen).size < count) for (const batch of await source.next()) seen.push(...new Set(askedIn(batch)));
      return seen;
    };
    const [first, second] = [await epoch(), await epoch()];
    const all = Array.from({ length: count }, (_, index) => index + 1);
    expect(first.toSorted((a, b) => a - b)).toEqual(all);
    expect(second.toSorted((a, b) => a - b)).toEqual(all);
    expect(second).not.toEqual(first);
    const other = new StreamedBatches(partsOf(parts), { rows: 2, length: 8, packed, seed: 4 });
    expect(await other.next()).not.toEqual(
      await new StreamedBatches(partsOf(parts), { rows: 2, length: 8, packed, seed: 3 }).next(),
    );
  });

  test("stopped anywhere, saved as JSON and resumed, goes on with the same batches", async () => {
    const sizes = { rows: fc.integer({ min: 1, max: 4 }), length: fc.integer({ min: 2, max: 12 }) };
    const options = fc.record({
      ...sizes,
      packed: fc.boolean(),
      seed: fc.nat(9),
      accumulate: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(options, fc.integer({ min: 1, max: 12 }), fc.nat(25), async (given, partCount, steps) => {
        const parts = partsOf([...numbered(partCount), [{ tokens: [1, 1, 1] }]]);
        const source = new StreamedBatches(parts, given);
        for (let step = 0; step < steps; step++) await source.next();
        const state = JSON.parse(JSON.stringify(source.state()));
        const resumed = new StreamedBatches(parts, given);
        resumed.restore(state);
        for (let step = 0; step < 12; step++) expect(await resumed.next()).toEqual(await source.next());
      }),
      { numRuns: 150 },
    );
  });

  test("reads no further than a batch needs", async () => {
    const read: number[] = [];
    const parts = Array.from({ length: 1000 }, (_, index) => [{ tokens: [index, index, index, index, index] }]);
    const source = new StreamedBatches(
      {
        ...partsOf(parts),
        part: async (index) => {
          read.push(index);
          return parts[index] as TokenDocument[];
        },
      },
      { rows: 2, length: 8, packed: true, seed: 0 },
    );
    for (let step = 1; step <= 10; step++) {
      await source.next();
      expect(read.length).toBe(4 * step + 1);
    }
  });

  test("only asked tokens have labels", async () => {
    const document = { tokens: [1, 2, 3, 4, 5], asked: [1, 0, 1, 0, 1] };
    const source = new StreamedBatches(partsOf([[document]]), { rows: 1, length: 6, packed: true, seed: 0 });
    const [batch] = await source.next();
    expect([...(batch as Batch).labels]).toEqual([-1, 3, -1, 5, -1, -1]);
  });

  test("other documents, another seed, and documents that ask for nothing are refused", async () => {
    const options = { rows: 1, length: 4, packed: true, seed: 0 };
    const parts = numbered(5);
    const source = new StreamedBatches(partsOf(parts), options);
    await source.next();
    for (const [data, seed, code] of [
      [partsOf(parts, "those"), 0, "file-changed"],
      [partsOf(parts.slice(1)), 0, "file-changed"],
      [partsOf(parts), 1, "checkpoint-mismatch"],
    ] as const) {
      const other = new StreamedBatches(data, { ...options, seed });
      expect(() => other.restore(source.state())).toThrowError(expect.objectContaining({ code }));
    }
    for (const tokens of [[], [[{ tokens: [1] }, { tokens: [1, 2, 3], asked: [1, 0, 0] }]]] as const) {
      const empty = new StreamedBatches(partsOf(tokens), options);
      await expect(empty.next()).rejects.toThrowError(expect.objectContaining({ code: "invalid-argument" }));
    }
  });

  test("a run that goes on within an epoch ends with the same bits", async () => {
    const parts = partsOf(
      numbered(12).map((part) =>
        part.map(({ tokens, ...rest }) => ({ ...rest, tokens: Array.from(tokens, (token, i) => (token + i) % 11) })),
      ),
    );
    const steps = 9;
    const run = async (untilStep: number, saved?: Checkpoint) => {
      using model = DecoderModel.fromData(tinyModel());
      using trainer = new Trainer(model, { steps, learningRate: 1e-2, warmupSteps: 3 });
      const store = { save: async () => {}, load: async () => saved };
      const going = await TrainingRun.start(trainer, {
        batches: new StreamedBatches(parts, { rows: 2, length: 8, packed: true, seed: 5 }),
        checkpoints: { store, everySteps: 100, resume: saved !== undefined },
      });
      while (trainer.stepsDone < untilStep) await going.advance();
      return await going.checkpoint();
    };
    const whole = await run(steps);
    const before = memory();
    const half: Checkpoint = JSON.parse(
      JSON.stringify(await run(4), (_, value) => (ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value)),
    );
    const tensors = Object.entries(half.tensors).map(([name, { shape, data }]) => [
      name,
      { shape, data: Float32Array.from(data) },
    ]);
    const resumed = await run(steps, { ...half, tensors: Object.fromEntries(tensors) });
    expect(resumed).toEqual(whole);
    expect(memory()).toEqual(before);
  });
});
