/** The forward pass, top to bottom: embedding, decoder layers, final norm, head. */
import { concat, embeddingLookup, mul, rmsNorm, slice, type Tensor, tidy } from "@sst/tensor";
import type { RotaryTables, RotaryTablesByType } from "./constants.js";
import { runStack, type StackRun } from "./decoder-stack.js";
import { type ForwardOptions, type ForwardPlan, type PassOptions, planForward } from "./forward-options.js";
import { linear } from "./linear.js";
import { CachedMemory, type PassMemory, TapedMemory } from "./pass-memory.js";
import { columnsFrom, lastIterations, repeatColumns } from "./positions.js";
import { type Segment, segmentsOf } from "./segments.js";
import { recirculated } from "./state-stream/recirculation.js";
import type { ModelWeights } from "./weights.js";

/**
 * Logits `[batch, time, vocabSize]` for tokens `[batch, time]` (int32), of `lastPositionOnly` or of `everyIteration` as the
 * options say. With caches the chunk continues what they hold, and they hold the chunk afterwards.
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
  const time = tokens.shape[1] as number;
  const segments = segmentsOf(plan, time, weights.recirculation !== undefined);
  const memory = caches ? new CachedMemory(caches) : new TapedMemory();
  const rotary = weights.constants.rotary(caches?.kv.capacity ?? time);
  const embedded = embed(weights, tokens);
  const outputs = segments.map((segment, index) => {
    const isFollowed = caches !== undefined || index < segments.length - 1;
    const x = columnsFrom(embedded, segment.start, segment.time);
    const context = {
      weights,
      plan,
      memory,
      options,
      ...placed(rotary, memory, segment, options),
    };
    const y = runSegment(x, segment, isFollowed, context);
    memory.advance(segment.time);
    return wantedColumns(y, segment, options);
  });
  const wanted = options.lastPositionOnly ? outputs.slice(-1) : outputs;
  return head(wanted.length === 1 ? (wanted[0] as Tensor) : concat(wanted, 1), weights);
}

/**
 * Where in the tables of angles a segment begins. In training it gets tables of its own, since in a recorded plan all calls
 * share one offset.
 */
function placed(
  rotary: RotaryTablesByType,
  { length }: PassMemory,
  { time }: Segment,
  { caches }: PassOptions,
): Pick<SegmentContext, "rotary" | "offset"> {
  if (caches !== undefined || length === 0) return { rotary, offset: length };
  const rows = (table: Tensor) => slice(table, [length, 0], [time, table.shape[1] as number]);
  const placedTables = ({ cos, sin }: RotaryTables) => ({ cos: rows(cos), sin: rows(sin) });
  const { full_attention: full, sliding_attention: sliding } = rotary;
  const own = placedTables(full);
  return {
    rotary: { full_attention: own, sliding_attention: sliding === full ? own : placedTables(sliding) },
    offset: 0,
  };
}

interface SegmentContext extends Pick<StackRun, "weights" | "plan" | "rotary" | "memory" | "options"> {
  readonly offset: number;
}

/** All columns of a segment, `[batch, time · iterations, hiddenSize]`, for its embeddings `[batch, time, hiddenSize]`. */
function runSegment(
  x: Tensor,
  { start, time, iterations }: Segment,
  isFollowed: boolean,
  context: SegmentContext,
): Tensor {
  const { weights, offset } = context;
  const { recirculation } = weights;
  if (iterations === 1 || recirculation === undefined) {
    const chunk = { time, offset, iterations };
    return runStack(repeatColumns(x, iterations), {
      ...context,
      chunk,
      place: { start, firstIteration: 1 },
      keepsKeys: isFollowed,
      leavesStates: isFollowed,
    });
  }
  const chunk = { time, offset, iterations: 1 };
  const tops: Tensor[] = [];
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const before = tops.at(-1);
    const input = before ? recirculated(x, before, weights, recirculation) : x;
    const isLast = iteration === iterations;
    const keepsKeys = isLast && isFollowed;
    const place = { start, firstIteration: iteration };
    tops.push(runStack(input, { ...context, chunk, place, keepsKeys, leavesStates: !isLast || isFollowed }));
  }
  return concat(tops, 1);
}

/** What enters the lowest layer, `[batch, time, hiddenSize]`. */
export function embed({ config, embedding }: ModelWeights, tokens: Tensor): Tensor {
  const looked = embeddingLookup({ table: embedding, tokens }, {}).y;
  return config.embeddingScale === undefined ? looked : mul(looked, config.embeddingScale);
}

/** Those that logits are asked of. */
function wantedColumns(y: Tensor, { iterations }: Segment, options: PassOptions): Tensor {
  const columns = y.shape[1] as number;
  if (options.everyIteration) return options.lastPositionOnly ? columnsFrom(y, columns - iterations, iterations) : y;
  return options.lastPositionOnly ? columnsFrom(y, columns - 1, 1) : lastIterations(y, iterations);
}

/**
 * Logits `[batch, columns, vocabSize]` of states `[batch, columns, hiddenSize]`, by the final norm and the head: of the last
 * layer's states what the model says, of a lower layer's what its logit lens says.
 */
export function head(y: Tensor, weights: ModelWeights): Tensor {
  const normed = rmsNorm({ x: y, weight: weights.finalNorm }, { epsilon: weights.config.rmsNormEps }).y;
  return linear(normed, weights.head);
}
