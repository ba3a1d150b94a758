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
  tokens.dispose();
  const likeliest = argMax(logits, -1) as Tensor;
  logits.dispose();
  return (await take(likeliest)) as Int32Array;
}

/** A tensor's values; it is used up. */
export async function take(tensor: Tensor): Promise<Float32Array | Int32Array | Uint8Array> {
  try {
    return await tensor.data();
  } finally {
    tensor.dispose();
  }
}
