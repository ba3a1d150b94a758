/** TensorFlow.js' pure JavaScript backend: what everything runs on where WebAssembly with SIMD is absent. */
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";

export function createJavaScriptEngine(): MathBackendCPU {
  const engine = new MathBackendCPU();
  // Otherwise its first write in Node prints an advertisement for the native binding.
  (engine as unknown as { firstUse: boolean }).firstUse = false;
  return engine;
}
