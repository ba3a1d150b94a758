/** The blend factor from its parameter (paper: learned per dimension and layer, kept within bounds). */
import { add, mul, sigmoid, type Tensor, tidy } from "@sst/tensor";
import type { StateStreamConfig } from "../config.js";

/** `alpha = alphaMin + (alphaMax - alphaMin) · sigmoid(theta)`, `[hiddenSize]`. */
export function alphaOf(theta: Tensor, { alphaMin, alphaMax }: StateStreamConfig): Tensor {
  return tidy(() => add(mul(sigmoid(theta), alphaMax - alphaMin), alphaMin));
}
