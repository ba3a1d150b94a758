/** Reading the answer at every position of a sequence, for models that label positions (state tracking). */
import { type DecoderModel, type ForwardOptions, forward, tokenTensor } from "@sst/layers";
import { argMax, type Tensor } from "@sst/tensor";

/** The likeliest label at every position: `[batch][time]`, from rows of tokens of one length. */
export async function labelPositions(
  model: DecoderModel,
  rows: readonly ArrayLike<number>[],
  options: ForwardOptions = {},
): Promise<number[][]> {
  const tokens = tokenTensor(rows, model.config);
  const weights = model.weights();
  const logits = forward(weights, tokens, options);
  const best = argMax(logits, -1) as Tensor;
  const labels = (await best.array()) as number[][];
  for (const tensor of [tokens, logits, best]) tensor.dispose();
  weights.dispose();
  return labels;
}
