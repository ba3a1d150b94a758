/** What the state stream's parameters are before any training. */
import type { HostTensor, ModelConfig } from "../config.js";
import { recirculationNames, streamShapes } from "../parameters.js";

/** Every layer's theta at `theta`; of the recirculation theta at 0, so that beta is a half, and W the identity. */
export function initialStream(config: ModelConfig, theta: number): Record<string, HostTensor> {
  const parameters = Object.entries(streamShapes(config)).map(([name, shape]): [string, HostTensor] => {
    if (name === recirculationNames.weight) return [name, { shape, data: identity(config.hiddenSize) }];
    const start = name === recirculationNames.theta ? 0 : theta;
    return [name, { shape, data: new Float32Array(config.hiddenSize).fill(start) }];
  });
  return Object.fromEntries(parameters);
}

function identity(size: number): Float32Array {
  const data = new Float32Array(size * size);
  for (let index = 0; index < size; index++) data[index * size + index] = 1;
  return data;
}
