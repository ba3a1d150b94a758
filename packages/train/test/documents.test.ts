/** Several documents in a row: what each of them gives alone, and batches that keep their place. */
import "@sst/backend-cpu";
import "@sst/backend-js";
import { DecoderModel, documentTensors, type ForwardOptions, forward } from "@sst/layers";
import { memory, Random, ready, type Tensor, tensor } from "@sst/tensor";
import {
  type Batch,
  DocumentBatches,
  documentBatch,
  documentBatches,
  documentsWhenAsked,
  lossAndGradients,
  type TokenDocument,
  Trainer,
} from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import { relativeError, tinyBackbone, tinyModel } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

function randomDocuments(lengths: readonly number[]): TokenDocument[] {
  const random = new Random("documents");
  return lengths.map((length, index) => ({
    tokens: Array.from({ length }, () => random.integer(11)),
    ...(index % 2 === 1 && { answerStart: 3 }),
  }));
}

/** Three rows of 14: the second and third are filled to the last place. */
const documents = randomDocuments([6, 15, 5, 4, 12, 2, 3]);
const packed = documentBatch(documents, { rows: 3, length: 14, packed: true });

/** A document by itself, not padded. */
function alone(document: TokenDocument): Batch {
  const length = document.tokens.length - 1;
  const { documentStarts: _, ...batch } = documentBatch([document], { rows: 1, length, packed: true }).batch;
  return batch;
}

async function logitsOf(model: DecoderModel, batch: Batch, options: ForwardOptions): Promise<Float32Array> {
  const { batchSize, time, documentStarts } = batch;
  const weights = model.weights();
  const tokens = tensor(batch.tokens, [batchSize, time], "int32");
  const borders = documentStarts && documentTensors(documentStarts, batchSize, time, options.iterations);
  const logits = forward(weights, tokens, { ...options, ...(borders && { documents: borders }) });
  const values = (await logits.data()) as Float32Array;
  for (const each of [tokens, logits, weights, ...Object.values(borders ?? {})]) each.dispose();
  return values;
}

/** Where documents begin in the packed batch, in the order that they were put there. */
function placesOf({ batchSize, documentStarts = new Int32Array(), time, tokens }: Batch): number[] {
  const places: number[] = [];
  for (const { tokens: wanted } of documents) {
    const size = Math.min(wanted.length - 1, time);
    const found = Array.from({ length: batchSize * time }, (_, at) => at).find((at) => {
      const isStart = documentStarts[at] === at % time;
      return (
        isStart &&
        !places.includes(at) &&
        Array.from(wanted).slice(0, size).join() === tokens.slice(at, at + size).join()
      );
    });
    if (found !== undefined) places.push(found);
  }
  return places;
}

const runs: [string, ReturnType<typeof tinyModel>, ForwardOptions][] = [
  ["exactly", tinyModel(), {}],
  ["exactly, with three iterations", tinyModel(), { iterations: 3 }],
  ["layerwise, scan", tinyModel(), { solver: "layerwise", sweeps: 3 }],
  ["layerwise, shift", tinyModel(), { solver: "layerwise", sweeps: 2, propagation: "shift" }],
  ["in two passes, scan", tinyModel(), { solver: "two-pass" }],
  ["in three passes, shift", tinyModel(), { solver: "two-pass", sweeps: 3, propagation: "shift" }],
  ["with the stream off", tinyModel(), { streamOff: true }],
  ["on a plain backbone", tinyBackbone(), {}],
];

for (const backend of ["cpu", "js"]) {
  describe(`a packed batch on ${backend}`, () => {
    for (const [name, data, options] of runs) {
      test(`${name}: the logits and gradients of the documents one at a time`, async () => {
        await ready({ backend });
        using model = DecoderModel.fromData(data);
        expect(packed.taken).toBe(documents.length);
        const places = placesOf(packed.batch);
        expect(places).toHaveLength(documents.length);
        const together = await logitsOf(model, packed.batch, options);
        for (const [index, document] of documents.entries()) {
          const single = await logitsOf(model, alone(document), options);
          const at = (places[index] as number) * 11;
          expect(relativeError(together.subarray(at, at + single.length), single)).toBeLessThan(1e-5);
        }
        const given = lossAndGradients(model, [packed.batch], model.parameterNames, options);
        const singles = documents.map(alone).filter(({ labels }) => labels.some((label) => label >= 0));
        const expected = lossAndGradients(model, singles, model.parameterNames, options);
        expect(relativeError(given.loss.dataSync(), expected.loss.dataSync())).toBeLessThan(1e-6);
        for (const parameter of model.parameterNames) {
          const [left, right] = [given.gradients[parameter], expected.gradients[parameter]] as [Tensor, Tensor];
          if (right.dataSync().every((value) => value === 0)) expect(left.dataSync()).toEqual(right.dataSync());
          else expect(relativeError(left.dataSync(), right.dataSync()), parameter).toBeLessThan(1e-4);
        }
        await ready({ backend: "cpu" });
      });
    }
  });
}

describe("documentBatch", () => {
  test("asks for the answers alone, within each document, and packs first fit", () => {
    const { batch, taken } = documentBatch(
      [
        { tokens: [1, 2, 3, 4] },
        { tokens: [5, 6, 7, 8, 9], answerStart: 3 },
        { tokens: [1, 2] },
        { tokens: [2, 3, 4, 5, 6, 7, 8, 9, 10] },
      ],
      { rows: 2, length: 5, packed: true },
    );
    expect(taken).toBe(3);
    expect([...batch.tokens]).toEqual([1, 2, 3, 1, 0, 5, 6, 7, 8, 0]);
    expect([...batch.labels]).toEqual([2, 3, 4, 2, -1, -1, -1, 8, 9, -1]);
    expect([...(batch.documentStarts ?? [])]).toEqual([0, 0, 0, 3, 4, 0, 0, 0, 0, 4]);
  });

  test("one to a row where that is asked for", () => {
    const { batch, taken } = documentBatch([{ tokens: [1, 2] }, { tokens: [3] }, { tokens: [4, 5, 6, 7] }], {
      rows: 3,
      length: 2,
      packed: false,
    });
    expect(taken).toBe(3);
    expect([...batch.tokens]).toEqual([1, 0, 0, 0, 4, 5]);
    expect([...batch.labels]).toEqual([2, -1, -1, -1, 5, 6]);
    expect(batch).not.toHaveProperty("documentStarts");
  });
});

test("documentsWhenAsked makes a document when it is asked for, and once", () => {
  const made: number[] = [];
  const documents = documentsWhenAsked([5, 6, 7], (item) => {
    made.push(item);
    return { tokens: [item, item] };
  });
  expect([documents.length, made]).toEqual([3, []]);
  expect(documents.at(2)).toEqual({ tokens: [7, 7] });
  expect(documents.at(2)).toBe(documents.at(2));
  expect(made).toEqual([7]);
});

test("documentBatches takes every document once, in order", () => {
  const documents = Array.from({ length: 7 }, (_, index) => ({ tokens: [index, index, index] }));
  const batches = documentBatches(documents, { rows: 2, length: 4, packed: true });
  const asked = batches.flatMap(({ labels }) => [...labels].filter((label) => label >= 0));
  expect(batches).toHaveLength(2);
  expect(asked).toEqual(documents.flatMap(({ tokens }) => tokens.slice(1)));
});

describe("DocumentBatches", () => {
  const options = { rows: 2, length: 8, packed: true, seed: 3 };

  test("gives every document once in an epoch, in another order in the next", () => {
    const source = new DocumentBatches(
      Array.from({ length: 40 }, (_, index) => ({ tokens: [index, index, index] })),
      options,
    );
    const epoch = () => {
      const seen: number[] = [];
      while (seen.length < 40) {
        for (const { labels } of source.next())
          seen.push(...[...labels].filter((label, at) => label >= 0 && at % 2 === 0));
      }
      return seen;
    };
    const [first, second] = [epoch(), epoch()];
    const inOrder = Array.from({ length: 40 }, (_, index) => index);
    expect(first.toSorted((a, b) => a - b)).toEqual(inOrder);
    expect(second.toSorted((a, b) => a - b)).toEqual(inOrder);
    expect(second).not.toEqual(first);
  });

  test("goes on from its state with the same batches, across epochs", () => {
    const data = randomDocuments(Array.from({ length: 17 }, (_, index) => 2 + (index % 9)));
    const source = new DocumentBatches(data, { ...options, accumulate: 2 });
    for (let step = 0; step < 5; step++) source.next();
    const state = JSON.parse(JSON.stringify(source.state()));
    const expected = Array.from({ length: 12 }, () => source.next());
    const restored = new DocumentBatches(data, { ...options, accumulate: 2 });
    restored.restore(state);
    expect(Array.from({ length: 12 }, () => restored.next())).toEqual(expected);
    const other = new DocumentBatches(data.slice(5), options);
    expect(() => other.restore(state)).toThrowError(expect.objectContaining({ code: "checkpoint-mismatch" }));
  });

  test("looks at a document when its turn comes, and passes over those that ask for nothing", () => {
    const seen = new Set<number>();
    const list = {
      length: 30,
      at: (index: number) => {
        seen.add(index);
        return index % 3 === 0 ? { tokens: [index, index], answerStart: 2 } : { tokens: [index, index, index] };
      },
    };
    const source = new DocumentBatches(list, { ...options, rows: 1, length: 4 });
    const asked = (batches: readonly Batch[]) =>
      batches.flatMap(({ labels }) => [...labels].filter((label) => label >= 0));
    expect(asked(source.next())).toHaveLength(4);
    expect(seen.size).toBeLessThan(30);
    const epoch = new Set(Array.from({ length: 9 }, () => asked(source.next())).flat());
    expect([...epoch].every((label) => label % 3 > 0)).toBe(true);
  });

  test("refuses documents that ask for nothing", () => {
    const tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const source = new DocumentBatches([{ tokens: [1] }, { tokens, answerStart: 9 }], options);
    expect(() => source.next()).toThrowError(
      expect.objectContaining({ code: "invalid-argument", message: expect.stringContaining("first 8") }),
    );
  });

  test("trains by recorded plans, and nothing stays behind", async () => {
    const run = async () => {
      using model = DecoderModel.fromData(tinyModel());
      using trainer = new Trainer(model, { steps: 30, learningRate: 1e-2, warmupSteps: 3 });
      const counting = Array.from({ length: 11 }, (_, start) => ({
        tokens: [0, 1, 2, 3].map((i) => (start + i) % 11),
      }));
      const source = new DocumentBatches(counting, { rows: 4, length: 10, packed: true, seed: 0 });
      const losses: number[] = [];
      await trainer.run(
        () => source.next(),
        ({ loss }) => losses.push(loss),
      );
      return losses;
    };
    const losses = await run();
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
    const before = memory();
    expect(await run()).toEqual(losses);
    expect(memory()).toEqual(before);
  });
});

test("starts that are none are refused by place", () => {
  const refused = (starts: number[], code: string, message: RegExp) =>
    expect(() => documentTensors(Int32Array.from(starts), 2, 3)).toThrowError(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  refused([0, 0], "shape-mismatch", /6 document starts.*2/);
  refused([0, 0, 0, 0, 1, 0], "invalid-argument", /row 2, position 2.*is 2 or 1, not 0/);
  refused([1, 1, 1, 0, 0, 0], "invalid-argument", /row 1, position 0/);
});
