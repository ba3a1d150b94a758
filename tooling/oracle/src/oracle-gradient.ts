/** Loss and its gradient, by central differences in float64. */
import type { ModelData } from "@sst/layers";
import type { HostArray } from "@sst/tensor/conformance";
import { type OracleOptions, type OracleWeights, oracleWeights, runOracle } from "./oracle-model.js";
import { runSteps } from "./oracle-steps.js";

/** Mean cross entropy of the next token over `tokens[:, 1:]`, from logits for all tokens. */
export function nextTokenLoss({ shape, data }: HostArray, tokens: readonly (readonly number[])[]): number {
  const vocabulary = shape[2] as number;
  const labels = tokens.flatMap((row) => [...row.slice(1), -1]);
  const logits = labels.map((_, index) => data.subarray(index * vocabulary, (index + 1) * vocabulary));
  return labelLoss(logits, labels);
}

/** Mean cross entropy of rows of logits against labels; a negative one asks for nothing. */
export function labelLoss(logits: readonly Float64Array[], labels: readonly number[]): number {
  const losses = labels.flatMap((label, index) => {
    if (label < 0) return [];
    const scores = Array.from(logits[index] as Float64Array);
    const largest = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    return [largest + Math.log(total) - (scores[label] as number)];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/**
 * The derivative for some entries of one parameter of a loss on what `runSteps` gives after every iteration.
 *
 * @param rows sequences with, for each iteration of each position in order, a label
 */
export function stepLossDerivatives(
  data: ModelData,
  rows: readonly { readonly tokens: readonly number[]; readonly labels: readonly number[] }[],
  iterationsAt: (position: number) => number,
  parameter: string,
  entries: readonly number[],
): number[] {
  const weights = oracleWeights(data);
  const step = 1e-5;
  const lossAt = (entry: number, by: number) => {
    const changed = moved(weights, parameter, entry, by);
    const logits = rows.flatMap(({ tokens }) => runSteps(data.config, changed, tokens, iterationsAt));
    return labelLoss(
      logits,
      rows.flatMap(({ labels }) => labels),
    );
  };
  return entries.map((entry) => (lossAt(entry, step) - lossAt(entry, -step)) / (2 * step));
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
