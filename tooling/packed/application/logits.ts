/** A small random model, the same wherever this runs, and what it says on a device. */
import { DecoderModel, forward, initializeModel, paperAlpha, smallDecoder, tokenTensor } from "@sst/layers";
import { Random, ready } from "@sst/tensor";

export interface Answer {
  /** The device in its own words. */
  readonly description: string;
  readonly logits: readonly number[];
}

export async function logitsOn(backend: string): Promise<Answer> {
  const { live } = await ready({ backend });
  const config = smallDecoder({ hiddenSize: 32, vocabSize: 10, stateStream: paperAlpha });
  const model = DecoderModel.fromData(initializeModel(config, new Random("packed")));
  const weights = model.weights();
  const tokens = tokenTensor(
    [
      [3, 1, 4, 1, 5, 9],
      [2, 7, 1, 8, 2, 8],
    ],
    config,
  );
  const result = forward(weights, tokens);
  const logits = Array.from(await result.data());
  for (const each of [result, tokens, weights, model]) each.dispose();
  return { description: live.capabilities.description, logits };
}
