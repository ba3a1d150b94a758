/** Texts that are decoded together, at different positions and iterations, get what each gets alone. */
import "@sst/backend-cpu";
import "@sst/backend-js";
import {
  type DecodeCaches,
  DecoderModel,
  forward,
  head,
  iteratePosition,
  KvCache,
  LatentStateCache,
  type ModelConfig,
  type ModelData,
  type ModelWeights,
  RowBatch,
  tokenTensor,
} from "@sst/layers";
import { fill, Random, ready, type Tensor } from "@sst/tensor";
import { describe, expect, test } from "vitest";
import { relativeError, tinyBackbone, tinyBackbones, tinyModel, tinyTokens, withUnevenVectors } from "./tiny-model.js";

const capacity = 24;
/** How many tokens each text has read before; the first one is empty. */
const prompts = [0, 1, 7, 12];

const models: Readonly<Record<string, ModelData>> = {
  Llama: withUnevenVectors(tinyModel()),
  "Llama without a stream": tinyBackbone(),
  "Llama with recirculation": withUnevenVectors(
    tinyModel({ stateStream: { alphaMin: 0.1, alphaMax: 0.8, recirculate: true } }),
  ),
  ...Object.fromEntries(
    Object.entries(tinyBackbones).map(([name, config]) => [name, withUnevenVectors(tinyModel(config))]),
  ),
};

/** A text: what it has read, and what it reads, each position so many times. */
interface Text {
  readonly caches: DecodeCaches;
  /** Tokens with iterations. */
  readonly script: readonly (readonly [token: number, iterations: number])[];
}

function newCaches(config: ModelConfig, slots = capacity): DecodeCaches {
  return { kv: new KvCache(config, 1, slots), states: new LatentStateCache(config, 1) };
}

function disposeOf({ kv, states }: DecodeCaches): void {
  kv.dispose();
  states.dispose();
}

function textsOf(weights: ModelWeights, isIterating: boolean): Text[] {
  const random = new Random("script");
  return prompts.map((length, index) => {
    const caches = newCaches(weights.config);
    if (length > 0) read(weights, caches, tinyTokens(1, length)[0] as number[]).dispose();
    const script = Array.from({ length: 6 + index }, (): [number, number] => [
      random.integer(weights.config.vocabSize),
      isIterating ? 1 + random.integer(3) : 1,
    ]);
    return { caches, script };
  });
}

function read(weights: ModelWeights, caches: DecodeCaches, given: readonly number[]): Tensor {
  const tokens = tokenTensor([given], weights.config);
  const logits = forward(weights, tokens, { caches, lastPositionOnly: true });
  tokens.dispose();
  return logits;
}

async function taken(tensor: Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

/** Logits of every iteration at every position, and of one token more. */
async function alone(weights: ModelWeights, { caches, script }: Text): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (const [token, iterations] of script) {
    const tokens = tokenTensor([[token]], weights.config);
    let before: Tensor | undefined;
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const top = iteratePosition(weights, tokens, caches, { before });
      before?.dispose();
      before = top;
      all.push(await taken(head(top, weights)));
    }
    before?.dispose();
    tokens.dispose();
    caches.kv.advance(1);
  }
  all.push(await taken(read(weights, caches, [1])));
  return all;
}

/** The same by rows of a batch, in which each text has nothing to do now and then, and goes out and comes in again. */
async function together(weights: ModelWeights, texts: readonly Text[], rows: number): Promise<Float32Array[][]> {
  const random = new Random("turns");
  using batch = new RowBatch(weights, { rows, capacity });
  const places = texts.map(() => ({ row: undefined as number | undefined, position: 0, iteration: 0 }));
  const logits: Float32Array[][] = texts.map(() => []);
  const isDone = (index: number) => places[index]?.position === texts[index]?.script.length;
  while (texts.some((_, index) => !isDone(index))) {
    const work = new Map<number, number>();
    for (const [index, { caches, script }] of texts.entries()) {
      const place = places[index] as (typeof places)[number];
      if (isDone(index) || random.uniform() < 0.3) continue;
      if (place.row === undefined) {
        place.row = batch.freeRow;
        if (place.row === undefined) continue;
        batch.join(place.row, caches);
      }
      work.set(place.row, script[place.position]?.[0] as number);
    }
    if (work.size === 0) continue;
    // Half of the passes make no logits themselves.
    const { top, logits: made } = batch.iterate(work, random.uniform() < 0.5);
    const all = await taken(made ?? head(top, weights));
    top.dispose();
    const size = weights.config.vocabSize;
    for (const [index, { caches, script }] of texts.entries()) {
      const place = places[index] as (typeof places)[number];
      if (place.row === undefined || !work.has(place.row)) continue;
      logits[index]?.push(all.slice(place.row * size, (place.row + 1) * size));
      place.iteration++;
      if (place.iteration < (script[place.position]?.[1] as number)) continue;
      batch.settle(place.row);
      place.position++;
      place.iteration = 0;
      if (!isDone(index) && random.uniform() < 0.7) continue;
      batch.leave(place.row, caches);
      place.row = undefined;
    }
  }
  for (const [index, { caches }] of texts.entries()) logits[index]?.push(await taken(read(weights, caches, [1])));
  return logits;
}

describe.each(["cpu", "js"])("rows on %s", (backend) => {
  for (const [name, data] of Object.entries(models)) {
    test(`${name}: together as alone, in as many rows as texts and in fewer`, async () => {
      await ready({ backend });
      const model = DecoderModel.fromData(data);
      const weights = model.weights();
      const isIterating = data.config.stateStream !== undefined;
      const byItself = textsOf(weights, isIterating);
      const expected: Float32Array[][] = [];
      for (const text of byItself) expected.push(await alone(weights, text));
      for (const rows of [prompts.length, prompts.length - 2]) {
        const texts = textsOf(weights, isIterating);
        const given = await together(weights, texts, rows);
        for (const [index, logits] of given.entries()) {
          expect(logits).toHaveLength((expected[index] as Float32Array[]).length);
          for (const [step, values] of logits.entries()) {
            expect(relativeError(values, expected[index]?.[step] as Float32Array)).toBeLessThan(2e-5);
          }
        }
        for (const { caches } of texts) disposeOf(caches);
      }
      for (const { caches } of byItself) disposeOf(caches);
      weights.dispose();
      model.dispose();
    });
  }
});

describe("what cannot be", () => {
  const refusal = (code: string) => expect.objectContaining({ code });

  test("is refused at the door, and the batch goes on", async () => {
    await ready({ backend: "cpu" });
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    const [one, long] = [newCaches(model.config), newCaches(model.config, capacity + 1)];
    const two: DecodeCaches = {
      kv: new KvCache(model.config, 2, capacity),
      states: new LatentStateCache(model.config, 2),
    };
    read(weights, one, [1, 2, 3]).dispose();
    for (const sizes of [
      { rows: 0, capacity },
      { rows: 1.5, capacity },
      { rows: 2, capacity: 0 },
    ]) {
      expect(() => new RowBatch(weights, sizes)).toThrow(refusal("invalid-argument"));
    }
    const batch = new RowBatch(weights, { rows: 2, capacity });
    batch.join(0, one);
    for (const join of [() => batch.join(0, one), () => batch.join(2, one), () => batch.join(-1, one)]) {
      expect(join).toThrow(refusal("contradiction"));
    }
    for (const caches of [long, two]) expect(() => batch.join(1, caches)).toThrow(refusal("contradiction"));
    expect(() => batch.iterate(new Map([[1, 0]]))).toThrow(refusal("contradiction"));
    expect(() => batch.iterate(new Map([[0, 99]]))).toThrow(refusal("unknown-token"));
    expect(() => batch.take(1, batch, 1)).toThrow(refusal("contradiction"));
    const small = newCaches(model.config, 2);
    expect(() => batch.leave(0, small)).toThrow(refusal("context-overflow"));
    expect(() => RowBatch.borrowing(weights, two)).toThrow(refusal("contradiction"));
    const { logits, top } = batch.iterate(new Map([[0, 4]]));
    const given = (await taken(logits as Tensor)).slice(0, model.config.vocabSize);
    top.dispose();
    batch.dispose();
    for (const use of [
      () => batch.iterate(new Map()),
      () => batch.settle(0),
      () => batch.join(1, one),
      () => batch.state(0, 0),
    ]) {
      expect(use).toThrow(refusal("disposed"));
    }
    const expected = await taken(read(weights, one, [4]));
    expect(relativeError(given, expected)).toBeLessThan(2e-5);
    for (const caches of [one, long, two, small]) disposeOf(caches);
    weights.dispose();
  });

  for (const backend of ["cpu", "js"]) {
    test(`what a broken text leaves in a row does not reach the next one, on ${backend}`, async () => {
      await ready({ backend });
      using model = DecoderModel.fromData(tinyModel());
      const weights = model.weights();
      const nan = (tensor: Tensor) => fill(tensor.shape, Number.NaN);
      const broken = newCaches(model.config);
      read(weights, broken, tinyTokens(1, 9)[0] as number[]).dispose();
      for (const layer of weights.layers.keys()) {
        broken.kv.writeSlots(layer, nan(broken.kv.keys(layer)), nan(broken.kv.values(layer)));
        broken.states.write(layer, nan(broken.states.state(layer)));
      }
      const [healthy, reference] = [newCaches(model.config), newCaches(model.config)];
      for (const caches of [healthy, reference]) read(weights, caches, [5, 6]).dispose();
      using batch = new RowBatch(weights, { rows: 1, capacity });
      batch.join(0, broken);
      batch.drop(0);
      batch.join(0, healthy);
      const { logits, top } = batch.iterate(new Map([[0, 7]]));
      top.dispose();
      const expected = await taken(read(weights, reference, [7]));
      expect(relativeError(await taken(logits as Tensor), expected)).toBeLessThan(2e-5);
      for (const caches of [broken, healthy, reference]) disposeOf(caches);
      weights.dispose();
    });
  }
});
