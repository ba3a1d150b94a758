/** Values on their way from a device. */
import type { Tensor } from "@sst/tensor";

/** A tensor's values; the tensor is used up. */
export async function read(values: Tensor): Promise<Float32Array> {
  const data = (await values.data()) as Float32Array;
  values.dispose();
  return data;
}
