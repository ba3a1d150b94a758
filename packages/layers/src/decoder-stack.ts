/**
 * The decoder layers over some columns. The modes differ in one thing only: what a decoder layer does with its
 * post-attention hidden states, which is what a solver is.
 */
import { squeeze, type Tensor, withoutGradient } from "@sst/tensor";
import type { RotaryTables } from "./constants.js";
import { feedForward } from "./feed-forward.js";
import type { ForwardPlan, PassOptions } from "./forward-options.js";
import type { PassMemory } from "./pass-memory.js";
import { type Chunk, lastColumn } from "./positions.js";
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
  readonly rotary: RotaryTables;
  readonly memory: PassMemory;
  /** Whether the columns' keys and values stay for what follows; those of a position's earlier iterations do not. */
  readonly keepsKeys: boolean;
  /** Whether something follows that blends the last column's states in. */
  readonly leavesStates: boolean;
  readonly onResidual: PassOptions["onResidual"];
}

/** Turns post-attention hidden states into the layer's output, which is also its states. */
type LayerSolver = (a: Tensor, layer: LayerWeights, index: number) => Tensor;

/** What the top layer gives for input x, both `[batch, columns, hiddenSize]`. */
export function runStack(x: Tensor, run: StackRun): Tensor {
  const { weights, plan, chunk, rotary, memory } = run;
  const streams = plan.solver === "off" ? undefined : layerStreams(x, run);
  const attention: AttentionContext = { config: weights.config, chunk, rotary, memory, keepsKeys: run.keepsKeys };
  const solve = layerSolver(plan, streams, weights, () =>
    rollOut(x, weights, { ...attention, keepsKeys: false }, streams as LayerStream[], plan),
  );
  return decoderLayers(x, weights, attention, (a, layer, index) => {
    const states = solve(a, layer, index);
    const stream = streams?.[index];
    if (stream && plan.solver !== "sequential") run.onResidual?.(index, recurrenceResidual(a, states, stream));
    if (run.leavesStates) memory.leaveState(index, squeeze(lastColumn(states), [1]));
    return states;
  });
}

function decoderLayers(x: Tensor, weights: ModelWeights, attention: AttentionContext, solve: LayerSolver): Tensor {
  return weights.layers.reduce(
    (hidden, layer, index) => solve(selfAttention(hidden, layer, index, attention), layer, index),
    x,
  );
}

function layerSolver(
  plan: ForwardPlan,
  streams: LayerStream[] | undefined,
  weights: ModelWeights,
  rollOutPasses: () => Tensor[],
): LayerSolver {
  const stream = (index: number) => streams?.[index] as LayerStream;
  switch (plan.solver) {
    case "off":
      return (a, layer) => feedForward(a, layer, weights.config.rmsNormEps);
    case "sequential":
      return (a, _, index) => solveSequential(a, stream(index));
    case "layerwise":
      return (a, _, index) => solveLayerwise(a, stream(index), plan.sweeps, plan.propagation);
    case "two-pass": {
      if (plan.sweeps === 1) return (a, _, index) => firstSweep(a, stream(index));
      const blended = withoutGradient(rollOutPasses);
      return (a, _, index) => sweep(a, blended[index] as Tensor, stream(index).keep, stream(index));
    }
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

function layerStreams(x: Tensor, { weights, memory }: StackRun): LayerStream[] {
  const [batch, columns] = x.shape as [number, number];
  return weights.layers.map((layer, index) => {
    const before = memory.stateBefore(index);
    const { nothing, ...masks } = weights.constants.masks(batch, columns, before !== undefined);
    return {
      ...masks,
      weights: layer,
      alpha: layer.alpha as Tensor,
      epsilon: weights.config.rmsNormEps,
      initial: before ?? nothing,
    };
  });
}
