/** What `onStates` shows: the states that a pass leaves, and where they belong. */
import "@sst/backend-cpu";
import {
  DecoderModel,
  type ForwardOptions,
  forward,
  head,
  KvCache,
  LatentStateCache,
  type ModelWeights,
  type StateColumns,
  tokenTensor,
} from "@sst/layers";
import { clone, keep, ready, type Tensor, tidy } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { relativeError, tinyConfig, tinyModel, tinyTokens } from "./tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

interface Seen {
  readonly columns: StateColumns;
  readonly states: Tensor;
}

const time = 5;
const [tokens] = tinyTokens(1, time) as [number[]];

function run(weights: ModelWeights, options: ForwardOptions): { seen: Seen[]; logits: Tensor } {
  const seen: Seen[] = [];
  const given = tokenTensor([tokens], weights.config);
  const onStates = (columns: StateColumns, states: Tensor) => seen.push({ columns, states: keep(clone(states)) });
  const logits = forward(weights, given, { everyIteration: true, ...options, onStates });
  given.dispose();
  return { seen, logits };
}

const numbersOf = async (tensor: Tensor) => (await tensor.data()) as Float32Array;

describe("onStates", () => {
  const ways: ForwardOptions[] = [
    {},
    { streamOff: true },
    { iterations: 3 },
    { solver: "layerwise", sweeps: 3 },
    { solver: "two-pass", sweeps: 3, iterations: 2 },
  ];
  for (const options of ways) {
    test(`every layer once, and the top one's states are those that the logits come from: ${JSON.stringify(options)}`, async () => {
      using model = DecoderModel.fromData(tinyModel());
      const weights = model.weights();
      const { seen, logits } = run(weights, options);
      const iterations = (options.iterations as number | undefined) ?? 1;
      expect(seen.map(({ columns }) => columns)).toEqual(
        [0, 1].map((layer) => ({ layer, start: 0, time, iterations, firstIteration: 1 })),
      );
      for (const { states } of seen) expect(states.shape).toEqual([1, time * iterations, tinyConfig.hiddenSize]);
      const said = tidy(() => head(seen.at(-1)?.states as Tensor, weights));
      expect(await numbersOf(said)).toEqual(await numbersOf(logits));
      for (const tensor of [said, logits, ...seen.map(({ states }) => states)]) tensor.dispose();
      weights.dispose();
    });
  }

  for (const recirculate of [false, true]) {
    test(`each column is what the latent state cache holds after as many steps, recirculation ${recirculate}`, async () => {
      const stateStream = { alphaMin: 0.1, alphaMax: 0.8, ...(recirculate && { recirculate }) };
      using model = DecoderModel.fromData(tinyModel({ stateStream }));
      const weights = model.weights();
      const iterations = 3;
      const { seen, logits } = run(weights, { iterations });
      // With recirculation every iteration is a run over the stack of its own.
      expect(seen).toHaveLength(recirculate ? 2 * time * iterations : 2);
      using kv = new KvCache(model.config, 1, time);
      using states = new LatentStateCache(model.config, 1);
      for (const [position, token] of tokens.entries()) {
        const given = tokenTensor([[token]], model.config);
        forward(weights, given, { caches: { kv, states }, iterations }).dispose();
        given.dispose();
        for (const layer of [0, 1]) {
          const own = seen.find(
            ({ columns }) =>
              columns.layer === layer &&
              position >= columns.start &&
              position < columns.start + columns.time &&
              columns.firstIteration + columns.iterations - 1 === iterations,
          ) as Seen;
          const column = (position - own.columns.start + 1) * own.columns.iterations - 1;
          const { hiddenSize } = tinyConfig;
          const values = await numbersOf(own.states);
          const shown = values.slice(column * hiddenSize, (column + 1) * hiddenSize);
          expect(relativeError(shown, await numbersOf(states.state(layer)))).toBeLessThan(1e-5);
        }
      }
      for (const tensor of [logits, ...seen.map(({ states }) => states)]) tensor.dispose();
      weights.dispose();
    });
  }

  test("chosen positions cut the pass: each part says where it is", () => {
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    const { seen, logits } = run(weights, { iterations: { count: 3, positions: [2] } });
    const ofLayer = seen.filter(({ columns }) => columns.layer === 1).map(({ columns }) => columns);
    const place = { layer: 1, firstIteration: 1 };
    expect(ofLayer).toEqual([
      { ...place, start: 0, time: 2, iterations: 1 },
      { ...place, start: 2, time: 1, iterations: 3 },
      { ...place, start: 3, time: 2, iterations: 1 },
    ]);
    for (const tensor of [logits, ...seen.map(({ states }) => states)]) tensor.dispose();
    weights.dispose();
  });

  test("is refused where layers are computed again", () => {
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    expect(() => run(weights, { recompute: true })).toThrowError(expect.objectContaining({ code: "contradiction" }));
    weights.dispose();
  });
});
