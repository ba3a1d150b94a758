/** The blend factor from its parameter (paper: learned per dimension and layer, kept within bounds). */
import { add, mul, SstError, sigmoid, type Tensor, tidy } from "@sst/tensor";
import type { StateStreamConfig } from "../config.js";

/** `alpha = alphaMin + (alphaMax - alphaMin) · sigmoid(theta)`, `[hiddenSize]`. */
export function alphaOf(theta: Tensor, { alphaMin, alphaMax }: StateStreamConfig): Tensor {
  return tidy(() => add(mul(sigmoid(theta), alphaMax - alphaMin), alphaMin));
}

/** @throws SstError `invalid-argument` for bounds that are not `0 <= alphaMin <= alphaMax < 1` */
export function requireAlphaBounds({ alphaMin, alphaMax }: StateStreamConfig): void {
  if (alphaMin >= 0 && alphaMin <= alphaMax && alphaMax < 1) return;
  throw new SstError(
    "invalid-argument",
    `the blend's bounds should be 0 <= alphaMin <= alphaMax < 1, but are ${alphaMin} and ${alphaMax}`,
  );
}
