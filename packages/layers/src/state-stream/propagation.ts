/**
 * How the states that a sweep left become the ones that the next sweep blends in (`state-stream` section 2; paper: an
 * associative scan per layer; the reading is ours).
 */
import { affineScan, concat, expandDims, mul, slice, sub, type Tensor, zeros } from "@sst/tensor";
import { type LayerStream, statesBefore } from "./layer-stream.js";

export type Propagation = "shift" | "scan";

/**
 * The states to blend in next, by column: those of the column before.
 *
 * @param y what the sweep left, `[batch, columns, hiddenSize]`
 * @param blended what it had blended in, by column; `a` where it had blended nothing, since h = a is a blend with s = a
 */
export function propagate(kind: Propagation, y: Tensor, blended: Tensor, stream: LayerStream): Tensor {
  return statesBefore(kind === "shift" ? y : scan(y, blended, stream), stream);
}

/** `ŝ_t = y_t + alpha ⊙ (ŝ_{t-1} - s_{t-1})`, `ŝ_0 = y_0`: a change of state carried through the residual path. */
function scan(y: Tensor, blended: Tensor, { alpha, keep }: LayerStream): Tensor {
  const [batch, columns] = keep.shape as [number, number];
  const carried = concat([zeros([batch, 1]), slice(keep, [0, 1], [batch, columns - 1])], 1);
  const coefficient = mul(expandDims(carried, -1), alpha);
  return affineScan({ coefficient, offset: sub(y, mul(coefficient, blended)) }, {}).s;
}
