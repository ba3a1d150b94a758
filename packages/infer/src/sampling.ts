/** Picking the next token from logits. */
import { type Random, SstError } from "@sst/tensor";
import { largestIndices } from "./top-k.js";

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
  const kept = topK < logits.length ? largestIndices(logits, topK) : undefined;
  const weights = weightsOf(kept === undefined ? logits : pick(logits, kept), temperature);
  const nucleus = topP < 1 ? nucleusOf(weights, topP) : undefined;
  const drawn = draw(nucleus === undefined ? weights : pick(weights, nucleus), random);
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
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < weights.length; index++) largest = Math.max(largest, logits[index] as number);
  for (let index = 0; index < weights.length; index++) {
    weights[index] = Math.exp(((logits[index] as number) - largest) / temperature);
  }
  return weights;
}

/** Indices of the largest weights that are needed for the share `topP`, ascending. */
function nucleusOf(weights: Float64Array, topP: number): Int32Array {
  const whole = total(weights);
  // All that are lighter than this make up less than the share that is left out, so none of them is needed.
  const lightest = ((1 - topP) * whole) / weights.length;
  const candidates: number[] = [];
  for (let index = 0; index < weights.length; index++)
    if ((weights[index] as number) >= lightest) candidates.push(index);
  candidates.sort((left, right) => (weights[right] as number) - (weights[left] as number));
  let [size, sum] = [0, 0];
  while (size < candidates.length && sum < topP * whole) sum += weights[candidates[size++] as number] as number;
  return Int32Array.from(candidates.slice(0, size)).sort();
}

/** An index, each as likely as its share of the weights. */
function draw(weights: Float64Array, random: Random): number {
  let threshold = random.uniform() * total(weights);
  for (let index = 0; index < weights.length - 1; index++) {
    threshold -= weights[index] as number;
    if (threshold < 0) return index;
  }
  return weights.length - 1;
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
