/** Sums of nothing. TensorFlow.js divides by their number when it looks for a program, and asks for a buffer of no size. */
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";

export function sumWithoutEntries(kernel: KernelConfig): KernelConfig {
  return {
    ...kernel,
    kernelFunc: (call) => {
      const { x } = call.inputs as { x: TensorInfo };
      if (!x.shape.includes(0)) return kernel.kernelFunc(call);
      const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean };
      const axes = util.parseAxisParam(axis, x.shape);
      const shape = x.shape.flatMap((size, index) => (axes.includes(index) ? (keepDims ? [1] : []) : [size]));
      const dtype = x.dtype === "float32" ? "float32" : "int32";
      const zeros = util.getTypedArrayFromDType(dtype, util.sizeFromShape(shape));
      return (call.backend as WebGPUBackend).makeTensorInfo(shape, dtype, zeros);
    },
  };
}
