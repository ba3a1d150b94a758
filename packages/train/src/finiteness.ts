/** Norms and finiteness on the device: what an update needs to know of its gradients, without waiting for them. */
import { add, concat, div, minimum, mul, reshape, sqrt, square, sum, type Tensor, tidy } from "@sst/tensor";

/** Sums of squares in the order of the names, `[names]`. */
export function squaredNorms(tensors: Readonly<Record<string, Tensor>>): Tensor {
  return tidy(() => concat(Object.values(tensors).map((tensor) => reshape(sum(square(tensor)), [1]))) as Tensor);
}

/**
 * The factor that brings the norm of all gradients down to `clipNorm`, `[1]`; not finite where the loss or a gradient is
 * not, which tells the optimiser to leave everything as it is.
 */
export function clippingScale(loss: Tensor, squares: Tensor, clipNorm: number): Tensor {
  return tidy(() => {
    const norm = sqrt(sum(squares));
    // Zero for whatever is finite, and not a number for the rest.
    const alarm = mul(add(norm, loss), 0);
    return reshape(add(minimum(div(clipNorm, norm), 1), alarm), [1]);
  });
}

/** The first name whose value is not finite. */
export function firstNotFinite(names: readonly string[], values: ArrayLike<number>): string | undefined {
  return names.find((_, index) => !Number.isFinite(values[index]));
}
