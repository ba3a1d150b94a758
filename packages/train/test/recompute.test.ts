/** Gradient checkpointing: the same gradients in less memory. */
import { heapBytes } from "@sst/backend-cpu";
import { allLinearLayers, DecoderModel, type ForwardOptions, forward, initializeModel, withLora } from "@sst/layers";
import { memory, Random, ready, type Tensor, tensor } from "@sst/tensor";
import { type Batch, documentBatch, lossAndGradients, nextTokenBatch, Trainer } from "@sst/train";
import { beforeAll, describe, expect, test } from "vitest";
import { relativeError, tinyBackbone, tinyConfig, tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const batch = nextTokenBatch(tinyTokens(3, 8));
const documents = tinyTokens(4, 6).map((tokens) => ({ tokens }));
const packed = documentBatch(documents, { rows: 2, length: 12, packed: true }).batch;
const lora = { rank: 2, alpha: 4, targetModules: allLinearLayers };
const adapted = (() => {
  const data = withLora(tinyModel(), lora, new Random(0));
  const random = new Random(1);
  const weights = Object.entries(data.adapter?.weights ?? {}).map(([name, { shape, data: values }]) => [
    name,
    { shape, data: random.normals(values.length, 0.3) },
  ]);
  return { ...data, adapter: { config: lora, weights: Object.fromEntries(weights) } };
})();

const isAddition = (name: string) => /lora_|theta/.test(name);
const cases: [string, () => DecoderModel, ForwardOptions, Batch, (name: string) => boolean][] = [
  ["exactly", () => DecoderModel.fromData(tinyModel()), {}, batch, () => true],
  ["with iterations", () => DecoderModel.fromData(tinyModel()), { iterations: 2 }, batch, () => true],
  ["layerwise", () => DecoderModel.fromData(tinyModel()), { solver: "layerwise", sweeps: 3 }, batch, () => true],
  ["in two passes", () => DecoderModel.fromData(tinyModel()), { solver: "two-pass" }, batch, () => true],
  ["on a plain backbone", () => DecoderModel.fromData(tinyBackbone()), {}, batch, () => true],
  ["on packed documents", () => DecoderModel.fromData(tinyModel()), {}, packed, () => true],
  ["theta alone", () => DecoderModel.fromData(tinyModel()), {}, batch, (name) => name.endsWith("theta")],
  ["adapters in merged weights", () => DecoderModel.fromData(adapted), {}, batch, isAddition],
  ["adapters beside int8", () => DecoderModel.fromData(adapted, { quantize: "int8" }), {}, batch, isAddition],
];

describe("recompute", () => {
  for (const [name, make, options, given, trained] of cases) {
    test(`${name}: loss and gradients are those of a pass that keeps everything, and nothing stays behind`, () => {
      using model = make();
      const names = model.parameterNames.filter(trained);
      const run = (recompute: boolean) => lossAndGradients(model, [given], names, { ...options, recompute });
      const kept = run(false);
      const before = memory();
      const again = run(true);
      expect(memory().tensors - before.tensors).toBe(names.length + 1);
      expect(again.loss.dataSync()).toEqual(kept.loss.dataSync());
      for (const each of names) {
        const [left, right] = [again.gradients[each], kept.gradients[each]] as [Tensor, Tensor];
        expect(right.dataSync().some((value) => value !== 0), each).toBe(true);
        expect(relativeError(left.dataSync(), right.dataSync()), each).toBeLessThan(1e-5);
      }
    });
  }

  test("outside training it changes nothing, and with caches or residuals it is refused", () => {
    using model = DecoderModel.fromData(tinyModel());
    const weights = model.weights();
    const tokens = tensor(batch.tokens, [3, 7], "int32");
    const logits = (options: ForwardOptions) => forward(weights, tokens, options).dataSync();
    expect(logits({ recompute: true })).toEqual(logits({}));
    expect(() => logits({ recompute: true, onResidual: () => {} })).toThrowError(
      expect.objectContaining({ code: "contradiction" }),
    );
    weights.dispose();
  });

  test("a training step needs a fraction of the memory, called and as a plan", { timeout: 120_000 }, async () => {
    const config = { ...tinyConfig, hiddenSize: 64, headDim: 16, intermediateSize: 128, numHiddenLayers: 12 };
    const data = initializeModel(config, new Random(0));
    const large = nextTokenBatch(tinyTokens(32, 65));
    const growthOf = async (recompute: boolean) => {
      const before = heapBytes();
      using model = DecoderModel.fromData(data);
      using trainer = new Trainer(model, { steps: 3, learningRate: 1e-3, forward: { recompute } });
      const losses: number[] = [];
      // The first step is called, the second recorded, the third a plan's.
      for (let step = 0; step < 3; step++) losses.push((await trainer.step([large])).loss);
      return { losses, bytes: heapBytes() - before };
    };
    const again = await growthOf(true);
    const kept = await growthOf(false);
    expect(again.losses[0]).toBe(kept.losses[0]);
    for (const [step, loss] of again.losses.entries()) expect(loss).toBeCloseTo(kept.losses[step] as number, 4);
    // Growth beyond what the frugal run had grown to already.
    const total = again.bytes + kept.bytes;
    expect(again.bytes).toBeLessThan(total / 3);
  });
});
