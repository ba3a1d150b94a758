/**
 * Hears of every kernel call, ours and the engine's: all kernels of a backend are registered through here. While nobody
 * records, a call costs one comparison more.
 */
import { type KernelConfig, registerKernel, type Tensor, type TensorInfo } from "@tensorflow/tfjs-core";

/** One call as the engine made it. */
export interface HeardCall {
  readonly kernel: string;
  /** By name; a list for basic operations that take any number of them. */
  readonly inputs: Readonly<Record<string, Tensor>> | readonly Tensor[];
  readonly attributes: unknown;
  readonly outputs: readonly TensorInfo[];
}

let listener: ((call: HeardCall) => void) | undefined;

/** Registers a kernel so that its calls can be heard. */
export function registerRecordedKernel(kernel: KernelConfig): void {
  registerKernel({
    ...kernel,
    kernelFunc: (call) => {
      const hear = listener;
      if (hear === undefined) return kernel.kernelFunc(call);
      // What a kernel calls in turn is its own business.
      listener = undefined;
      try {
        const result = kernel.kernelFunc(call);
        hear({
          kernel: kernel.kernelName,
          inputs: call.inputs as unknown as Record<string, Tensor>,
          attributes: call.attrs,
          outputs: Array.isArray(result) ? result : [result],
        });
        return result;
      } finally {
        listener = hear;
      }
    },
  });
}

/** Runs `f` and hands every kernel call that it makes to `hear`. */
export function listening<Result>(hear: (call: HeardCall) => void, f: () => Result): Result {
  const outer = listener;
  listener = hear;
  try {
    return f();
  } finally {
    listener = outer;
  }
}
