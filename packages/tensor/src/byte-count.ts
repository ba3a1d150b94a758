/** Counts the bytes of the tensors on one engine, so that no plugin has to. */
import { type KernelBackend, util } from "@tensorflow/tfjs-core";

/** The entry and exit of data; every TensorFlow.js backend has them. */
interface DataOwner {
  write(values: unknown, shape: number[], dtype: string): object;
  move(dataId: object, values: unknown, shape: number[], dtype: string, refCount: number): void;
  disposeData(dataId: object, force?: boolean): boolean;
}

/** From now on, counts what comes and goes. @returns the bytes in use at the time of the call */
export function countBytes(engine: KernelBackend): () => number {
  const owner = engine as unknown as DataOwner;
  const sizes = new WeakMap<object, number>();
  let total = 0;
  const enter = (dataId: object, shape: number[], dtype: string) => {
    const bytes = dtype === "string" ? 0 : util.sizeFromShape(shape) * util.bytesPerElement(dtype as "float32");
    sizes.set(dataId, bytes);
    total += bytes;
  };
  const write = owner.write.bind(owner);
  const move = owner.move.bind(owner);
  const disposeData = owner.disposeData.bind(owner);
  owner.write = (values, shape, dtype) => {
    const dataId = write(values, shape, dtype);
    // An engine may build `write` on its own `move`.
    if (!sizes.has(dataId)) enter(dataId, shape, dtype);
    return dataId;
  };
  owner.move = (dataId, values, shape, dtype, refCount) => {
    move(dataId, values, shape, dtype, refCount);
    if (!sizes.has(dataId)) enter(dataId, shape, dtype);
  };
  owner.disposeData = (dataId, force) => {
    const isGone = disposeData(dataId, force);
    if (isGone) {
      total -= sizes.get(dataId) ?? 0;
      sizes.delete(dataId);
    }
    return isGone;
  };
  return () => total;
}
