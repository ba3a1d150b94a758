/** Models that break down while they generate, and what a greedy generation has to say of it on any backend. */
import { generate } from "@sst/infer";
import { DecoderModel, type ModelData } from "@sst/layers";
import { memory } from "@sst/tensor";
import { expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

const prompt = [1, 5, 2];

/** What came before the error. */
interface Broken {
  readonly tokens: number[];
  readonly error: unknown;
}

async function greedily(data: ModelData, streamOff = false): Promise<Broken> {
  using model = DecoderModel.fromData(data);
  const tokens: number[] = [];
  try {
    for await (const token of generate(model, prompt, { maxNewTokens: 12, streamOff })) tokens.push(token);
    return { tokens, error: undefined };
  } catch (error) {
    return { tokens, error };
  }
}

function withValue(data: ModelData, name: string, row: number, value: number): ModelData {
  const weight = data.weights[name];
  if (weight === undefined) throw new Error(`there is no ${name}`);
  const values = Float32Array.from(weight.data);
  values[row * (weight.shape[1] as number)] = value;
  return { ...data, weights: { ...data.weights, [name]: { ...weight, data: values } } };
}

export function noticesBreakdowns(): void {
  for (const streamOff of [false, true]) {
    test(`a token whose embedding is broken ends it with the step that reads it${streamOff ? ", without the stream too" : ""}`, async () => {
      const { tokens } = await greedily(tinyModel(), streamOff);
      const culprit = tokens.find((token) => !prompt.includes(token)) as number;
      const before = tokens.slice(0, tokens.indexOf(culprit) + 1);
      expect(before.length).toBeLessThan(tokens.length);
      const broken = withValue(tinyModel(), "model.embed_tokens.weight", culprit, Number.NaN);
      expect(await greedily(broken, streamOff)).toEqual({
        tokens: before,
        error: expect.objectContaining({
          code: "not-finite",
          message: expect.stringMatching(
            `logit of token 0 is NaN at generated token ${before.length + 1}: the model's`,
          ),
        }),
      });
    });
  }

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`one logit of ${value} among others ends it, by its token`, async () => {
      const broken = withValue(tinyModel(), "lm_head.weight", 7, value);
      const before = memory();
      const { tokens, error } = await greedily(broken);
      expect(error).toMatchObject({
        code: "not-finite",
        message: expect.stringMatching(/of token 7 is (NaN|Infinity)/),
      });
      // What infinity times a state gives may as well be -Infinity for a while, and is no error then.
      if (Number.isNaN(value)) expect(tokens).toEqual([]);
      expect(memory()).toEqual(before);
    });
  }
}
