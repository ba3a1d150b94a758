/**
 * The forward pass, top to bottom: embedding, decoder layers, final norm, head. The modes differ in one thing only: what
 * a decoder layer does with its post-attention hidden states, which is what a solver is.
 */
import { embeddingLookup, rmsNorm, squeeze, type Tensor, tidy, withoutGradient } from "@sst/tensor";
import type { ModelConfig } from "./config.js";
import { feedForward } from "./feed-forward.js";
import { type ForwardOptions, type ForwardPlan, type PassOptions, planForward } from "./forward-options.js";
import { linear } from "./linear.js";
import { type Chunk, columnAt, lastIterations, repeatColumns } from "./positions.js";
import { type LayerInputs, recomputedLayer } from "./recompute.js";
import { type AttentionContext, selfAttention } from "./self-attention.js";
import { firstSweep, type LayerStream, sweep } from "./state-stream/layer-stream.js";
import { solveLayerwise } from "./state-stream/layerwise.js";
import { propagate } from "./state-stream/propagation.js";
import { recurrenceResidual } from "./state-stream/residual.js";
import { solveSequential } from "./state-stream/sequential.js";
import type { LayerWeights, ModelWeights } from "./weights.js";

/** Turns post-attention hidden states into the layer's output, which is also its states. */
type LayerSolver = (a: Tensor, layer: LayerWeights, index: number, blended?: Tensor) => Tensor;

/**
 * Logits `[batch, time, vocabSize]` (or `[batch, 1, vocabSize]` with `lastPositionOnly`) for tokens `[batch, time]`
 * (int32). With caches the chunk continues what they hold, and they hold the chunk afterwards.
 *
 * @throws SstError `contradiction` or `invalid-argument` for options that do not fit together, `context-overflow` for a
 * chunk that does not fit the caches
 */
export function forward(weights: ModelWeights, tokens: Tensor, options: ForwardOptions = {}): Tensor {
  const plan = planForward(weights.config, options);
  const { caches } = options;
  const time = tokens.shape[1] as number;
  caches?.kv.requireRoom(time);
  const logits = tidy(() => forwardPass(weights, tokens, plan, options));
  caches?.kv.advance(time);
  caches?.states.fill();
  return logits;
}

/** What `forward` computes and writes to caches; neither checks nor counts, and leaves what it makes on the way to a `tidy`. */
export function forwardPass(weights: ModelWeights, tokens: Tensor, plan: ForwardPlan, options: PassOptions): Tensor {
  const { caches } = options;
  const [batch, time] = tokens.shape as [number, number];
  const chunk: Chunk = { time, offset: caches?.kv.length ?? 0, iterations: plan.iterations };
  const embedded = embeddingLookup({ table: weights.embedding, tokens }, {}).y;
  const x = repeatColumns(embedded, plan.iterations);
  const streams = plan.solver === "off" ? undefined : layerStreams(weights, batch, chunk, options);
  const attention: AttentionContext = {
    config: weights.config,
    chunk,
    rotary: weights.constants.rotary(caches?.kv.capacity ?? time),
    cache: caches?.kv,
    writesCache: true,
    documents: options.documents,
  };
  const solve = layerSolver(plan, streams, weights.config);
  const hasRollOut = plan.solver === "two-pass" && plan.sweeps > 1;
  const passBefore = { ...attention, writesCache: false };
  const passesBefore = () => (hasRollOut ? rollOut(x, weights, passBefore, streams as LayerStream[], plan) : undefined);
  const blended = plan.sweepGradient === "all" ? passesBefore() : withoutGradient(passesBefore);
  const solved: LayerSolver = (a, layer, index, before) => {
    const states = solve(a, layer, index, before);
    const stream = streams?.[index];
    if (stream) options.onResidual?.(index, recurrenceResidual(a, states, stream));
    caches?.states.write(index, squeeze(lastColumn(states), [1]));
    return states;
  };
  const y = decoderLayers(x, weights, attention, solved, { blended, recompute: options.recompute });
  const kept = lastIterations(y, plan.iterations);
  return head(options.lastPositionOnly ? lastColumn(kept) : kept, weights);
}

interface LayersOptions {
  /** By layer, where an earlier pass has left them. */
  readonly blended?: readonly Tensor[] | undefined;
  readonly recompute?: boolean | undefined;
}

function decoderLayers(
  x: Tensor,
  weights: ModelWeights,
  attention: AttentionContext,
  solve: LayerSolver,
  { blended, recompute = false }: LayersOptions = {},
): Tensor {
  return weights.layers.reduce((hidden, layer, index) => {
    const run = (given: LayerInputs) =>
      solve(selfAttention(given.x, given.layer, index, attention), given.layer, index, given.blended);
    const inputs = { x: hidden, layer, blended: blended?.[index] };
    return recompute ? recomputedLayer(inputs, run) : run(inputs);
  }, x);
}

function head(y: Tensor, weights: ModelWeights): Tensor {
  const normed = rmsNorm({ x: y, weight: weights.finalNorm }, { epsilon: weights.config.rmsNormEps }).y;
  return linear(normed, weights.head);
}

function layerSolver(plan: ForwardPlan, streams: LayerStream[] | undefined, config: ModelConfig): LayerSolver {
  // A layer that is computed again brings tensors of its own.
  const stream = (layer: LayerWeights, index: number): LayerStream => ({
    ...(streams?.[index] as LayerStream),
    weights: layer,
    alpha: layer.alpha as Tensor,
  });
  switch (plan.solver) {
    case "off":
      return (a, layer) => feedForward(a, layer, config.rmsNormEps);
    case "sequential":
      return (a, layer, index) => solveSequential(a, stream(layer, index));
    case "layerwise":
      return (a, layer, index) => solveLayerwise(a, stream(layer, index), plan);
    case "two-pass":
      return (a, layer, index, blended) => {
        const own = stream(layer, index);
        return blended === undefined ? firstSweep(a, own) : sweep(a, blended, own.keep, own);
      };
  }
}

/**
 * `two-pass` (paper): the passes before the last. The first blends nothing; each leaves, for every layer, the states
 * that the next one blends in.
 */
function rollOut(
  x: Tensor,
  weights: ModelWeights,
  attention: AttentionContext,
  streams: LayerStream[],
  plan: ForwardPlan,
): Tensor[] {
  let blended: Tensor[] | undefined;
  for (let pass = 1; pass < plan.sweeps; pass++) {
    const next: Tensor[] = [];
    decoderLayers(x, weights, attention, (a, _, index) => {
      const stream = streams[index] as LayerStream;
      const before = blended?.[index];
      const y = before ? sweep(a, before, stream.keep, stream) : firstSweep(a, stream);
      next[index] = propagate(plan.propagation, y, before ?? a, stream);
      return y;
    });
    blended = next;
  }
  return blended as Tensor[];
}

function layerStreams(weights: ModelWeights, batch: number, chunk: Chunk, options: PassOptions): LayerStream[] {
  const { caches, documents } = options;
  const isContinued = caches?.states.isFilled ?? false;
  const { nothing, ...masks } = weights.constants.masks(batch, chunk.time * chunk.iterations, isContinued);
  return weights.layers.map((layer, index) => ({
    ...masks,
    ...(documents && { keep: documents.keep }),
    weights: layer,
    alpha: layer.alpha as Tensor,
    epsilon: weights.config.rmsNormEps,
    initial: isContinued && caches ? caches.states.state(index) : nothing,
  }));
}

function lastColumn(x: Tensor): Tensor {
  return columnAt(x, (x.shape[1] as number) - 1);
}
