/** Our side: the same as llama.cpp is asked for. */
import "@sst/backend-cpu";
import { DecoderModel, forward, type ModelData, tokenTensor } from "@sst/layers";
import { ready } from "@sst/tensor";

/** Of each position the natural logarithms of the next token's probabilities, by token. */
export async function logProbabilities(data: ModelData, tokens: readonly number[]): Promise<Float64Array[]> {
  await ready();
  const model = DecoderModel.fromData(data);
  const weights = model.weights();
  const input = tokenTensor([tokens], data.config);
  const logits = forward(weights, input);
  const values = await logits.data();
  for (const each of [logits, input, weights, model]) each.dispose();
  return logSoftmax(values, data.config.vocabSize);
}

export function logSoftmax(logits: ArrayLike<number>, vocabSize: number): Float64Array[] {
  return Array.from({ length: logits.length / vocabSize }, (_, position) => {
    const row = Float64Array.from({ length: vocabSize }, (_, token) => logits[position * vocabSize + token] as number);
    const largest = row.reduce((left, right) => Math.max(left, right));
    const sum = row.reduce((total, value) => total + Math.exp(value - largest), 0);
    return row.map((value) => value - largest - Math.log(sum));
  });
}

/** The largest difference of log probabilities, of tokens whose probability is above one in a million. */
export function distance(found: readonly Float64Array[], expected: readonly Float64Array[]): number {
  let largest = found.length === expected.length ? 0 : Number.NaN;
  for (const [position, row] of expected.entries()) {
    for (const [token, value] of row.entries()) {
      if (value < Math.log(1e-6)) continue;
      const difference = Math.abs((found[position]?.[token] ?? Number.NaN) - value);
      // A NaN is no agreement.
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}
