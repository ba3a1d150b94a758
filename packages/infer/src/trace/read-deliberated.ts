/** A position that a policy deliberates on, iteration by iteration: what it decides by is what is traced. */
import { type DecodeCaches, head, iteratePosition, type ModelWeights, tokenTensor } from "@sst/layers";
import { expandDims, type Tensor, tidy } from "@sst/tensor";
import type { Deliberation, PositionView } from "../deliberation/policy.js";
import { joined } from "../joined.js";
import { take } from "../likeliest.js";
import { deliberate } from "../session/position-reader.js";
import type { ColumnsRead } from "./record-maker.js";

/** What one iteration has left; states and lenses by layer. */
interface Iteration {
  readonly logits: Float32Array;
  readonly states: Float32Array[];
  readonly lenses: readonly Float32Array[];
}

/** @throws what the policy throws */
export async function readDeliberated(
  weights: ModelWeights,
  token: number,
  caches: DecodeCaches,
  deliberation: Deliberation,
  at: PositionView,
  { maximum, streamOff }: { readonly maximum: number; readonly streamOff: boolean },
): Promise<ColumnsRead> {
  const tokens = tokenTensor([[token]], weights.config);
  const seen: Iteration[] = [];
  let top: Tensor | undefined;
  const iterate = async () => {
    const next = iteratePosition(weights, tokens, caches, { before: top, streamOff });
    top?.dispose();
    top = next;
    const now = await lookAt(next, weights, caches);
    seen.push(now);
    return { logits: async () => now.logits, states: async () => now.states };
  };
  try {
    for await (const _event of deliberate(iterate, deliberation, at, maximum, undefined));
  } finally {
    top?.dispose();
    tokens.dispose();
  }
  caches.kv.advance(1);
  const byLayer = (what: "states" | "lenses") =>
    weights.layers.map((_, layer) => joined(seen.map((iteration) => iteration[what][layer] as Float32Array)));
  return {
    tokens: [token],
    iterations: seen.length,
    logits: joined(seen.map(({ logits }) => logits)),
    states: byLayer("states"),
    lenses: byLayer("lenses"),
  };
}

async function lookAt(top: Tensor, weights: ModelWeights, { states }: DecodeCaches): Promise<Iteration> {
  const [ofLayers, lenses]: [Float32Array[], Float32Array[]] = [[], []];
  for (const layer of weights.layers.keys()) {
    const state = states.state(layer);
    ofLayers.push((await state.data()) as Float32Array);
    lenses.push((await take(tidy(() => head(expandDims(state, 1), weights)) as Tensor)) as Float32Array);
  }
  const logits = (await take(tidy(() => head(top, weights)))) as Float32Array;
  return { logits, states: ofLayers, lenses };
}
