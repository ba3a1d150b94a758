/** Keeping what is written over in place from being anybody else's. */
import { engine, mul, type NamedTensorMap, scalar, type Tensor, tidy } from "@tensorflow/tfjs-core";

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
    const isTwice = Object.entries(inputs).some(([other, { dataId }]) => other !== name && dataId === tensor.dataId);
    if (!isTwice && !isShared(tensor)) continue;
    const copy = copyOf(tensor);
    copies.push(copy);
    safe[name] = copy;
  }
  return { safe, copies };
}

/** Whether another tensor lies on the same memory, `ours` apart: those that are about to go. */
export function isShared({ dataId }: Tensor, ours: readonly Tensor[] = []): boolean {
  const holders = engine().backend.refCount(dataId);
  return holders > 1 && holders > 1 + ours.filter((each) => !each.isDisposed && each.dataId === dataId).length;
}

/** The same values in memory of their own. */
export function copyOf(tensor: Tensor): Tensor {
  return tidy(() => mul(tensor, scalar(1, tensor.dtype)));
}
