/**
 * One iteration after the other at a position, for who decides after each whether there is another (`state-stream` section 3).
 * The keys and values of an iteration replace those of the one before, and states go on from one to the next.
 */
import { SstError, type Tensor, tidy } from "@sst/tensor";
import type { DecodeCaches } from "./decode-step.js";
import { runStack } from "./decoder-stack.js";
import { embed } from "./forward.js";
import { planForward } from "./forward-options.js";
import { CachedMemory } from "./pass-memory.js";
import { recirculated } from "./state-stream/recirculation.js";
import type { ModelWeights } from "./weights.js";

export interface IterateOptions {
  /** What the iteration before has left at the top; absent in the first one. */
  readonly before?: Tensor | undefined;
  /** Runs the plain backbone, which has one iteration. */
  readonly streamOff?: boolean;
}

/**
 * An iteration at the position behind those that the caches hold. They take in its keys, values and states, and count the
 * position only when the caller does, by `caches.kv.advance(1)`. Logits are the caller's to ask for, with `head`.
 *
 * @param tokens of the position, `[batch, 1]` int32, the same in each of its iterations
 * @returns what the iteration left at the top of the model, `[batch, 1, hiddenSize]`, for the next one: the caller's
 * @throws SstError `context-overflow`; `contradiction` for a second iteration without a stream
 */
export function iteratePosition(
  weights: ModelWeights,
  tokens: Tensor,
  caches: DecodeCaches,
  { before, streamOff = false }: IterateOptions = {},
): Tensor {
  const { config, recirculation, constants } = weights;
  const plan = planForward(config, { streamOff });
  if (before !== undefined && plan.solver === "off") {
    throw new SstError(
      "contradiction",
      "iterations carry the state stream on: they need a model with one, switched on",
    );
  }
  caches.kv.requireRoom(1);
  const top = tidy(() => {
    const embedded = embed(weights, tokens);
    const isFirst = before === undefined || recirculation === undefined;
    const x = isFirst ? embedded : recirculated(embedded, before, weights, recirculation);
    return runStack(x, {
      weights,
      plan,
      chunk: { time: 1, offset: caches.kv.length, iterations: 1 },
      rotary: constants.rotary(caches.kv.capacity),
      memory: new CachedMemory(caches),
      place: { start: 0, firstIteration: 1 },
      keepsKeys: true,
      leavesStates: true,
      options: {},
    });
  });
  caches.states.fill();
  return top;
}
