/** Tokens on their way to the device: checked here, since a device cannot raise an error. */
import { SstError, type Tensor, tensor } from "@sst/tensor";
import type { ModelConfig } from "./config.js";

/**
 * Rows of equal length as an int32 tensor `[batch, time]`.
 *
 * @throws SstError `empty-prompt`, `contradiction` for rows of different length, `unknown-token` for one outside the
 * vocabulary
 */
export function tokenTensor(rows: readonly ArrayLike<number>[], config: ModelConfig): Tensor {
  const time = rows[0]?.length ?? 0;
  if (time === 0) throw new SstError("empty-prompt", "there are no tokens: give at least one");
  const values = new Int32Array(rows.length * time);
  rows.forEach((row, index) => {
    if (row.length !== time) {
      throw new SstError(
        "contradiction",
        `all rows should be of one length, but row 1 has ${time} tokens and row ${index + 1} has ${row.length}`,
      );
    }
    requireKnownTokens(row, config);
    values.set(row, index * time);
  });
  return tensor(values, [rows.length, time], "int32");
}

/** @throws SstError `unknown-token` naming the first one outside the vocabulary */
export function requireKnownTokens(tokens: ArrayLike<number>, config: ModelConfig): void {
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] as number;
    if (Number.isInteger(token) && token >= 0 && token < config.vocabSize) continue;
    throw new SstError(
      "unknown-token",
      `token ${token} is not one of the model's ${config.vocabSize} (0 to ${config.vocabSize - 1})`,
    );
  }
}
