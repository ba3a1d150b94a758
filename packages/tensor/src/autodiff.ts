/** Reverse-mode differentiation of a scalar with respect to named tensors. */
import { engine, type NamedTensorMap, type Scalar, type Tensor, zerosLike } from "@tensorflow/tfjs-core";
import "./gradients.js";

/**
 * The value of `f()` and its gradient for every tensor of `parameters`; a tensor that does not take part has the
 * gradient 0. The caller disposes of everything that is returned. There are no gradients of gradients.
 *
 * @param f returns a scalar
 */
export function valueAndGradients<Names extends string>(
  f: () => Tensor,
  parameters: Readonly<Record<Names, Tensor>>,
): { value: Scalar; gradients: Record<Names, Tensor> } {
  const names = Object.keys(parameters) as Names[];
  const tensors = names.map((name) => parameters[name]);
  const result = engine().tidy(() => {
    const { value, grads } = differentiate(f, tensors);
    const gradients: NamedTensorMap = {};
    names.forEach((name, index) => {
      gradients[name] = (grads[index] as Tensor | null) ?? zerosLike(tensors[index] as Tensor);
    });
    return { value, gradients } as unknown as NamedTensorMap;
  });
  return result as unknown as { value: Scalar; gradients: Record<Names, Tensor> };
}

function differentiate(f: () => Tensor, tensors: Tensor[]) {
  try {
    return engine().gradients(f as () => Tensor, tensors, undefined, true);
  } catch (error) {
    // The engine keeps what it recorded when f throws; nobody else can let go of it.
    const { state } = engine();
    for (const node of state.activeTape ?? []) for (const saved of node.saved ?? []) saved.dispose();
    state.activeTape = [];
    throw error;
  }
}

/** Runs `f` without recording it: what it returns counts as a constant in the gradient. */
export function withoutGradient<Result>(f: () => Result): Result {
  const { state } = engine();
  // The engine records only what runs at kernel depth 0; this is how its own kernels keep their insides off the tape.
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
}
