/**
 * `@sst/tensor` on TensorFlow.js' pure JavaScript backend: slow, everywhere, and all that a backend has to be. Copy this
 * file to write your own: what a stranger's plugin needs is imported from `@sst/tensor` and TensorFlow.js alone.
 */
import { defineBackend, registerBackend } from "@sst/tensor";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { getKernelsForBackend } from "@tensorflow/tfjs-core";

export const jsBackend = defineBackend({
  contractVersion: 3,
  name: "js",
  // Behind every other one: it is taken when it is named, or when it is alone.
  priority: 1,
  isAvailable: async () => ({ available: true }),
  initialize: async () => {
    const engine = new MathBackendCPU();
    // Otherwise its first write in Node prints an advertisement for the native binding.
    Object.assign(engine, { firstUse: false });
    // Importing TensorFlow.js' package has registered its operations under the name "cpu".
    return { engine, engineKernels: getKernelsForBackend("cpu") };
  },
  capabilities: () => ({
    description: "plain JavaScript",
    dataTypes: ["float32", "int32", "bool"],
    features: [],
    limits: {},
  }),
  // Own implementations of our kernels, by name. Where there is none, the kernel's composition of basic operations runs.
  kernels: () => ({}),
  dispose: ({ engine }) => engine.dispose(),
});

registerBackend(jsBackend);
