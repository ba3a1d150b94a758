/** Keeping what is written over in place from being anybody else's. */
import { add, engine, type NamedTensorMap, type Tensor } from "@tensorflow/tfjs-core";

/**
 * Inputs of a call that uses some of them up: where somebody else holds a tensor on the memory of a consumed one, or
 * another input lies there too, it is copied first. The caller disposes of the copies after the call.
 */
export function withoutAliases(
  inputs: Readonly<Record<string, Tensor>>,
  consumed: readonly string[],
): { readonly safe: NamedTensorMap; readonly copies: readonly Tensor[] } {
  const copies: Tensor[] = [];
  const safe: NamedTensorMap = { ...inputs };
  for (const name of consumed) {
    const tensor = inputs[name];
    if (tensor === undefined) continue;
    const isShared = Object.entries(inputs).some(([other, { dataId }]) => other !== name && dataId === tensor.dataId);
    if (!isShared && engine().backend.refCount(tensor.dataId) <= 1) continue;
    const copy = add(tensor, 0);
    copies.push(copy);
    safe[name] = copy;
  }
  return { safe, copies };
}
