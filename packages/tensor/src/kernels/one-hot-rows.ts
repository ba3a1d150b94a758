/** One-hot rows as floats. */
import { cast, equal, expandDims, range, type Tensor } from "@tensorflow/tfjs-core";

/**
 * `[..., depth]` with 1 at each index. By comparison, since the engine's own operation refuses a depth of 1 and, on
 * WebAssembly, writes integer bits into float rows.
 */
export function oneHotRows(indices: Tensor, depth: number): Tensor {
  return cast(equal(expandDims(indices, -1), range(0, depth, 1, "int32")), "float32");
}
