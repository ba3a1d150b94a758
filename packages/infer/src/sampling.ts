/** Picking the next token from logits. */
import { type Random, SstError } from "@sst/tensor";

export interface SamplingOptions {
  /** 0 takes the likeliest token; defaults to 0. */
  readonly temperature?: number;
  /** Keeps the k likeliest tokens. */
  readonly topK?: number;
  /** Keeps the likeliest tokens whose probabilities add up to at least this. */
  readonly topP?: number;
}

/** @throws SstError `invalid-argument` naming the option, what it is and what it should be */
export function checkSampling({ temperature = 0, topK, topP }: SamplingOptions): void {
  const complain = (name: string, value: number, range: string) => {
    throw new SstError("invalid-argument", `${name} should be ${range}, but is ${value}`);
  };
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY)) complain("temperature", temperature, "0 or more");
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    complain("topK", topK, "a whole number of at least 1");
  if (topP !== undefined && !(topP > 0 && topP <= 1)) complain("topP", topP, "above 0 and at most 1");
}

/** Draws a token: temperature first, then top-k, then top-p, each on what the one before has left. */
export function sampleToken(logits: Float32Array, options: SamplingOptions, random: Random): number {
  const { temperature = 0, topK = logits.length, topP = 1 } = options;
  if (temperature === 0) return argMax(logits);
  const ranked = Array.from(logits.keys()).sort((left, right) => (logits[right] as number) - (logits[left] as number));
  const kept = ranked.slice(0, topK);
  const largest = logits[kept[0] as number] as number;
  const weights = kept.map((token) => Math.exp(((logits[token] as number) - largest) / temperature));
  const nucleus = nucleusSize(weights, topP);
  let threshold = random.uniform() * total(weights.slice(0, nucleus));
  for (let rank = 0; rank < nucleus - 1; rank++) {
    threshold -= weights[rank] as number;
    if (threshold < 0) return kept[rank] as number;
  }
  return kept[nucleus - 1] as number;
}

/** How many of the weights, largest first, are needed for the share `topP`. */
function nucleusSize(weights: readonly number[], topP: number): number {
  const wanted = topP * total(weights);
  let sum = 0;
  for (let rank = 0; rank < weights.length; rank++) {
    sum += weights[rank] as number;
    if (sum >= wanted) return rank + 1;
  }
  return weights.length;
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) > (values[best] as number)) best = index;
  }
  return best;
}

function total(values: readonly number[]): number {
  return values.reduce((left, right) => left + right, 0);
}
