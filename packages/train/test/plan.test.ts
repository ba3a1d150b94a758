/** A training step as a recorded plan: the same bits as the calls, and no operation that is borrowed from JavaScript. */
import { borrowedOperations } from "@sst/backend-cpu";
import { DecoderModel, type ForwardOptions, forward, meanCrossEntropy } from "@sst/layers";
import { compile, memory, ready, type Tensor, tensor, tidy, valueAndGradients } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { tinyModel, tinyTokens } from "../../layers/test/tiny-model.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const [batch, time] = [2, 6];

function tokensOf(seed: number): Tensor {
  const rows = tinyTokens(batch, time + seed).map((row) => row.slice(seed));
  return tensor(rows.flat(), [batch, time], "int32");
}

describe("a training step", () => {
  const solvers: Record<string, ForwardOptions> = {
    sequential: { solver: "sequential" },
    layerwise: { solver: "layerwise", sweeps: 3 },
    "two-pass": { solver: "two-pass" },
  };
  for (const [name, options] of Object.entries(solvers)) {
    test(`by the solver ${name}: replayed on another batch it gives the same bits`, async () => {
      using model = DecoderModel.fromData(tinyModel());
      const names = model.parameterNames;
      const parameters = Object.fromEntries(names.map((each) => [each, model.tensor(each)]));
      const step = ({ tokens, labels }: Readonly<Record<"tokens" | "labels", Tensor>>) => {
        const run = () => meanCrossEntropy(forward(model.weights(), tokens, options), labels, batch * time);
        const { value, gradients } = valueAndGradients(run, parameters);
        return { loss: value as Tensor, ...gradients } as Record<string, Tensor>;
      };
      const example = { tokens: tokensOf(0), labels: tokensOf(1) };
      const plan = compile(step, example);
      for (const each of Object.values(plan.first)) each.dispose();
      const borrowed = borrowedOperations();
      expect(borrowed.length).toBeGreaterThan(0);
      expect(plan.plan.calls.filter(({ kernel }) => borrowed.includes(kernel))).toEqual([]);
      expect(plan.isCompiled).toBe(true);

      const other = { tokens: tokensOf(2), labels: tokensOf(3) };
      const before = memory();
      const expected = tidy(() => Object.entries(step(other)).map(([key, value]) => [key, value.dataSync()] as const));
      const given = plan.run(other);
      expect(Object.keys(given)).toHaveLength(names.length + 1);
      for (const [key, values] of expected) expect(given[key]?.dataSync(), key).toEqual(values);
      for (const each of Object.values(given)) each.dispose();
      expect(memory()).toEqual(before);
      plan.dispose();
      for (const each of [...Object.values(example), ...Object.values(other)]) each.dispose();
    });
  }

  test("of a model that deliberates by recirculation is compiled too", () => {
    const stateStream = { alphaMin: 0.1, alphaMax: 0.8, recirculate: true };
    using model = DecoderModel.fromData(tinyModel({ stateStream }));
    const parameters = Object.fromEntries(model.parameterNames.map((each) => [each, model.tensor(each)]));
    const count = 3;
    const options: ForwardOptions = {
      lastPositionOnly: true,
      iterations: { count, positions: [-1] },
      everyIteration: true,
    };
    const labels = tensor(Array(batch * count).fill(1), [batch, count], "int32");
    const tokens = tokensOf(0);
    const plan = compile(
      (given) => {
        const run = () =>
          meanCrossEntropy(forward(model.weights(), given.tokens, options), given.labels, batch * count);
        const { value, gradients } = valueAndGradients(run, parameters);
        return { loss: value as Tensor, ...gradients } as Record<string, Tensor>;
      },
      { tokens, labels },
    );
    expect(plan.isCompiled).toBe(true);
    for (const each of [...Object.values(plan.first), tokens, labels]) each.dispose();
    plan.dispose();
  });
});
