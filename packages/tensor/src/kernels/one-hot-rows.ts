/** One-hot rows as floats. */
import { cast, oneHot, type Tensor } from "@tensorflow/tfjs-core";

/** `[..., depth]` with 1 at each index. Through integers: the WebAssembly engine writes integer bits into float rows. */
export function oneHotRows(indices: Tensor, depth: number): Tensor {
  return cast(oneHot(indices as Tensor<never>, depth), "float32");
}
