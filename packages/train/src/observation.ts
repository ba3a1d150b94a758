/** What a training log says beside the loss: how well the recurrence is solved, and where the blend factors are. */
import { type DecoderModel, documentTensors, type ForwardOptions, forward } from "@sst/layers";
import { type Tensor, tensor } from "@sst/tensor";
import type { Batch } from "./batch.js";

/** Of one layer's blend factors. */
export interface AlphaSummary {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

export interface Observation {
  /** `‖s_t - g_t(s_{t-1})‖ / ‖s_t‖` by layer: 0 for the exact solution. Empty without a stream. */
  readonly residual: readonly number[];
  /** By layer. Empty without a stream. */
  readonly alpha: readonly AlphaSummary[];
}

/** One forward pass as in training, without gradients. */
export async function observe(model: DecoderModel, batch: Batch, options: ForwardOptions = {}): Promise<Observation> {
  const weights = model.weights();
  const { batchSize, documentStarts, time } = batch;
  const tokens = tensor(batch.tokens, [batchSize, time], "int32");
  const documents = documentStarts && documentTensors(documentStarts, batchSize, time, options.iterations);
  const residuals: Promise<number>[] = [];
  try {
    const onResidual = (layer: number, residual: Promise<number>) => {
      residuals[layer] = residual;
    };
    forward(weights, tokens, { ...options, ...(documents && { documents }), recompute: false, onResidual }).dispose();
    const alphas = weights.layers.flatMap(({ alpha }) => alpha ?? []);
    return { residual: await Promise.all(residuals), alpha: await Promise.all(alphas.map(summarize)) };
  } finally {
    for (const each of [tokens, ...Object.values(documents ?? {})]) each.dispose();
    weights.dispose();
  }
}

async function summarize(alpha: Tensor): Promise<AlphaSummary> {
  const values = (await alpha.data()) as Float32Array;
  const [min, max] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  return { mean: values.reduce((total, value) => total + value, 0) / values.length, min, max };
}
