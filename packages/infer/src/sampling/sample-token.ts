/** Drawing a token from logits. */
import type { Random } from "@sst/tensor";
import { nucleusOf } from "./nucleus.js";
import type { DrawOptions } from "./options.js";
import { largestOf } from "./sum-of-exponentials.js";
import { largestIndices } from "./top-k.js";

/**
 * Draws a token: temperature first, then top-k, then top-p, then min-p, each on what the one before has left. A logit of
 * -Infinity is never drawn.
 */
export function sampleToken(logits: Float32Array, options: DrawOptions, random: Random): number {
  const { temperature = 0, topK = logits.length, topP = 1, minP = 0 } = options;
  if (temperature === 0) return argMax(logits);
  const kept = topK < logits.length ? largestIndices(logits, topK) : undefined;
  const weights = weightsOf(kept === undefined ? logits : pick(logits, kept), temperature);
  const nucleus = topP < 1 ? nucleusOf(weights, topP) : undefined;
  const left = nucleus === undefined ? weights : pick(weights, nucleus);
  // The likeliest weighs 1, and is in every nucleus.
  if (minP > 0) for (let index = 0; index < left.length; index++) if ((left[index] as number) < minP) left[index] = 0;
  const drawn = draw(left, random);
  const index = nucleus === undefined ? drawn : (nucleus[drawn] as number);
  return kept === undefined ? index : (kept[index] as number);
}

function pick(values: ArrayLike<number>, indices: ArrayLike<number>): Float64Array {
  const picked = new Float64Array(indices.length);
  for (let at = 0; at < picked.length; at++) picked[at] = values[indices[at] as number] as number;
  return picked;
}

/** Proportional to the probabilities, 1 for the likeliest. */
function weightsOf(logits: ArrayLike<number>, temperature: number): Float64Array {
  const weights = new Float64Array(logits.length);
  const largest = largestOf(logits);
  for (let index = 0; index < weights.length; index++) {
    weights[index] = Math.exp(((logits[index] as number) - largest) / temperature);
  }
  return weights;
}

/** An index, each as likely as its share of the weights. */
function draw(weights: Float64Array, random: Random): number {
  let threshold = random.uniform() * total(weights);
  let last = 0;
  for (let index = 0; index < weights.length; index++) {
    const weight = weights[index] as number;
    if (weight === 0) continue;
    threshold -= weight;
    if (threshold < 0) return index;
    last = index;
  }
  // Rounding has left a rest of the threshold.
  return last;
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) > (values[best] as number)) best = index;
  }
  return best;
}

function total(values: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index] as number;
  return sum;
}
