/**
 * The decoder layers over some columns. The modes differ in one thing only: what a decoder layer does with its
 * post-attention hidden states, which is what a solver is.
 */
import { squeeze, type Tensor, withoutGradient } from "@sst/tensor";
import type { ModelConfig } from "./config.js";
import type { RotaryTablesByType } from "./constants.js";
import { feedForward } from "./feed-forward.js";
import type { ForwardPlan, PassOptions, StateColumns } from "./forward-options.js";
import type { PassMemory } from "./pass-memory.js";
import { type Chunk, lastColumn } from "./positions.js";
import { type LayerInputs, recomputedLayer } from "./recompute.js";
import { type AttentionContext, selfAttention } from "./self-attention.js";
import { firstSweep, type LayerStream, sweep } from "./state-stream/layer-stream.js";
import { solveLayerwise } from "./state-stream/layerwise.js";
import { propagate } from "./state-stream/propagation.js";
import { recurrenceResidual } from "./state-stream/residual.js";
import { solveSequential } from "./state-stream/sequential.js";
import type { LayerWeights, ModelWeights } from "./weights.js";

/** What one run over the stack has beside its input. */
export interface StackRun {
  readonly weights: ModelWeights;
  readonly plan: ForwardPlan;
  readonly chunk: Chunk;
  readonly rotary: RotaryTablesByType;
  readonly memory: PassMemory;
  /** 1 where a state precedes a column, `[batch, columns]`, in rows that differ in that; absent where the memory says it for all. */
  readonly precedes?: Tensor;
  /** Whether the columns' keys and values stay for what follows; those of a position's earlier iterations do not. */
  readonly keepsKeys: boolean;
  /** Whether something follows that blends the last column's states in. */
  readonly leavesStates: boolean;
  /** Where in the pass the columns are, for who looks at their states. */
  readonly place: Pick<StateColumns, "start" | "firstIteration">;
  readonly options: Pick<PassOptions, "documents" | "onResidual" | "onStates" | "recompute">;
}

/** Turns post-attention hidden states into the layer's output, which is also its states. */
type LayerSolver = (a: Tensor, layer: LayerWeights, index: number, blended?: Tensor) => Tensor;

/** What the top layer gives for input x, both `[batch, columns, hiddenSize]`. */
export function runStack(x: Tensor, run: StackRun): Tensor {
  const { weights, plan, chunk, rotary, memory, keepsKeys, options } = run;
  const streams = plan.solver === "off" ? undefined : layerStreams(x, run);
  const { config } = weights;
  const attention: AttentionContext = { config, chunk, rotary, memory, keepsKeys, documents: options.documents };
  const solve = layerSolver(plan, streams, config);
  const hasRollOut = plan.solver === "two-pass" && plan.sweeps > 1;
  const passBefore = { ...attention, keepsKeys: false };
  const passesBefore = () => (hasRollOut ? rollOut(x, weights, passBefore, streams as LayerStream[], plan) : undefined);
  const blended = plan.sweepGradient === "all" ? passesBefore() : withoutGradient(passesBefore);
  const solved: LayerSolver = (a, layer, index, before) => {
    const states = solve(a, layer, index, before);
    const stream = streams?.[index];
    if (stream) options.onResidual?.(index, recurrenceResidual(a, states, stream));
    const { time, iterations } = chunk;
    options.onStates?.({ layer: index, time, iterations, ...run.place }, states);
    if (run.leavesStates) memory.leaveState(index, squeeze(lastColumn(states), [1]));
    return states;
  };
  return decoderLayers(x, weights, attention, solved, { blended, recompute: options.recompute });
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

function layerSolver(plan: ForwardPlan, streams: LayerStream[] | undefined, config: ModelConfig): LayerSolver {
  // A layer that is computed again brings tensors of its own.
  const stream = (layer: LayerWeights, index: number): LayerStream => ({
    ...(streams?.[index] as LayerStream),
    weights: layer,
    alpha: layer.alpha as Tensor,
  });
  switch (plan.solver) {
    case "off":
      return (a, layer) => feedForward(a, layer, config);
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

function layerStreams(x: Tensor, { weights, memory, options, precedes }: StackRun): LayerStream[] {
  const [batch, columns] = x.shape as [number, number];
  return weights.layers.map((layer, index) => {
    const before = memory.stateBefore(index);
    const { nothing, ...masks } = weights.constants.masks(batch, columns, before !== undefined);
    return {
      ...masks,
      ...(options.documents && { keep: options.documents.keep }),
      ...(precedes && { keep: precedes, keepInitial: precedes }),
      weights: layer,
      alpha: layer.alpha as Tensor,
      config: weights.config,
      initial: before ?? nothing,
    };
  });
}
