/** Loss and its gradient, by central differences in float64. */
import type { ModelData } from "@sst/layers";
import type { HostArray } from "@sst/tensor/conformance";
import { type OracleOptions, type OracleWeights, oracleWeights, runOracle } from "./oracle-model.js";

/** Mean cross entropy of the next token over `tokens[:, 1:]`, from logits for all tokens. */
export function nextTokenLoss({ shape, data }: HostArray, tokens: readonly (readonly number[])[]): number {
  const [batch, time, vocabulary] = shape as [number, number, number];
  let total = 0;
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t + 1 < time; t++) {
      const scores = Array.from(data.subarray((b * time + t) * vocabulary, (b * time + t + 1) * vocabulary));
      const largest = Math.max(...scores);
      const sum = scores.reduce((left, score) => left + Math.exp(score - largest), 0);
      total += largest + Math.log(sum) - (scores[tokens[b]?.[t + 1] as number] as number);
    }
  }
  return total / (batch * (time - 1));
}

/**
 * The derivative of the loss for some entries of one parameter. What the last sweep or pass blends in counts as a
 * constant, as in the product; the exact solver's gradient is the full one.
 */
export function lossDerivatives(
  data: ModelData,
  tokens: readonly (readonly number[])[],
  options: OracleOptions,
  parameter: string,
  entries: readonly number[],
): number[] {
  const weights = oracleWeights(data);
  const { blended } = runOracle(data.config, weights, tokens, options);
  const frozen = blended.length > 0 ? blended : undefined;
  const step = 1e-5;
  const lossAt = (entry: number, by: number) => {
    const { logits } = runOracle(data.config, moved(weights, parameter, entry, by), tokens, options, frozen);
    return nextTokenLoss(logits, tokens);
  };
  return entries.map((entry) => (lossAt(entry, step) - lossAt(entry, -step)) / (2 * step));
}

function moved(weights: OracleWeights, name: string, entry: number, by: number): OracleWeights {
  const { shape, data } = weights[name] as HostArray;
  const changed = Float64Array.from(data);
  changed[entry] = (changed[entry] as number) + by;
  return { ...weights, [name]: { shape, data: changed } };
}
