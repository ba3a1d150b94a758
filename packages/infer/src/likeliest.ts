/** The model's first choice at every position. */
import { type ForwardOptions, forward, type ModelWeights, tokenTensor } from "@sst/layers";
import { argMax, type Tensor } from "@sst/tensor";

/** The likeliest token at every position that the forward pass gives logits for, row-major. */
export async function likeliestTokens(
  weights: ModelWeights,
  rows: readonly ArrayLike<number>[],
  options: ForwardOptions = {},
): Promise<Int32Array> {
  const tokens = tokenTensor(rows, weights.config);
  const logits = forward(weights, tokens, options);
  const best = argMax(logits, -1) as Tensor;
  const answers = (await best.data()) as Int32Array;
  for (const tensor of [tokens, logits, best]) tensor.dispose();
  return answers;
}
