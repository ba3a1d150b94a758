/** Gradients of an oracle by central differences, in float64. */
import type { HostArray, HostArrays } from "./host-array.js";
import type { Oracle } from "./kernel-suite.js";

/** `Σ weights ⊙ outputs`: the scalar whose gradient is taken. */
function weightedSum(outputs: HostArrays, weights: HostArrays): number {
  let sum = 0;
  for (const [name, { data }] of Object.entries(outputs)) {
    const weight = (weights[name] as HostArray).data;
    for (let index = 0; index < data.length; index++) sum += (data[index] as number) * (weight[index] as number);
  }
  return sum;
}

/** The derivative of the weighted sum for some entries of one input. */
export function differences<Attributes>(
  oracle: Oracle<Attributes>,
  inputs: HostArrays,
  attributes: Attributes,
  weights: HostArrays,
  inputName: string,
  entries: readonly number[],
): number[] {
  const step = 1e-5;
  const input = inputs[inputName] as HostArray;
  const moved = (entry: number, by: number) => {
    const data = Float64Array.from(input.data);
    data[entry] = (data[entry] as number) + by;
    return weightedSum(oracle({ ...inputs, [inputName]: { shape: input.shape, data } }, attributes), weights);
  };
  return entries.map((entry) => (moved(entry, step) - moved(entry, -step)) / (2 * step));
}
