/** Adding to a model what co-training trains: low-rank adapters (Hu et al. 2021) and the stream's theta. */
import { type Random, SstError } from "@sst/tensor";
import type { HostTensor, LoraConfig, ModelData, StateStreamConfig } from "../config.js";
import { adapterShapes, linearShapes } from "../parameters.js";
import { requireAlphaBounds } from "../state-stream/alpha.js";
import { initialStream } from "../state-stream/initial-stream.js";
import { isTarget, linearModules } from "./target-modules.js";

/**
 * The model with fresh adapters: `lora_A` normal with variance 1 / in, `lora_B` zero, so that nothing changes yet.
 *
 * @throws SstError `invalid-argument` for a rank below 1 or a module that the model does not have
 */
export function withLora(data: ModelData, lora: LoraConfig, random: Random): ModelData {
  if (!Number.isInteger(lora.rank) || lora.rank < 1) {
    throw new SstError(
      "invalid-argument",
      `the adapters' rank should be a whole number of at least 1, but is ${lora.rank}`,
    );
  }
  const modules = linearModules(data.config);
  const unknown = lora.targetModules.filter(
    (target) => !modules.some((module) => isTarget({ ...lora, targetModules: [target] }, module)),
  );
  if (unknown.length > 0) {
    const known = Object.keys(linearShapes(data.config)).join(", ");
    throw new SstError("invalid-argument", `no linear layer is called "${unknown.join('", "')}"; there are ${known}`);
  }
  const weights: Record<string, HostTensor> = {};
  for (const [name, shape] of Object.entries(adapterShapes(data.config, lora))) {
    const size = shape.reduce((left, right) => left * right, 1);
    const isA = name.endsWith("lora_A.weight");
    const values = isA ? random.fork(name).normals(size, 1 / Math.sqrt(shape[1] as number)) : new Float32Array(size);
    weights[name] = { shape, data: values };
  }
  return { ...data, adapter: { config: lora, weights } };
}

/** The model with a state stream whose layers' thetas all start at `theta`. @throws SstError `invalid-argument` for its bounds */
export function withStateStream(data: ModelData, stateStream: StateStreamConfig, theta: number): ModelData {
  requireAlphaBounds(stateStream);
  const config = { ...data.config, stateStream };
  return { ...data, config, weights: { ...data.weights, ...initialStream(config, theta) } };
}

/** Every linear layer of the decoder. */
export const allLinearLayers = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;
