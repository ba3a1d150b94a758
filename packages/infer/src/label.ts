/** Reading the answer at every position of a sequence, for models that label positions (state tracking). */
import type { DecoderModel, ForwardOptions } from "@sst/layers";
import { likeliestTokens } from "./likeliest.js";

/** The likeliest label at every position: `[batch][time]`, from rows of tokens of one length. */
export async function labelPositions(
  model: DecoderModel,
  rows: readonly ArrayLike<number>[],
  options: ForwardOptions = {},
): Promise<number[][]> {
  const weights = model.weights();
  try {
    const labels = await likeliestTokens(weights, rows, options);
    const time = labels.length / rows.length;
    return rows.map((_, row) => Array.from(labels.subarray(row * time, (row + 1) * time)));
  } finally {
    weights.dispose();
  }
}
