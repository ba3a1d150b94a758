/** Plugins that come to life, on TensorFlow.js' JavaScript backend, for tests of the registry and of plans. */
import { type Backend, type BackendDefinition, type BackendRuntime, defineBackend } from "@sst/tensor";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { getKernelsForBackend } from "@tensorflow/tfjs-core";

export function jsPlugin(
  name: string,
  priority = 1,
  overrides: Partial<BackendDefinition<BackendRuntime>> = {},
): Backend {
  return defineBackend({
    contractVersion: 3,
    name,
    priority,
    isAvailable: async () => ({ available: true }),
    initialize: async () => createRuntime(),
    capabilities: () => ({
      description: `test device ${name}`,
      dataTypes: ["float32"],
      features: ["f"],
      limits: { l: 1 },
    }),
    kernels: () => ({}),
    dispose: ({ engine }) => engine.dispose(),
    ...overrides,
  });
}

export function createRuntime(): BackendRuntime {
  const engine = Object.assign(new MathBackendCPU(), { firstUse: false });
  return { engine, engineKernels: getKernelsForBackend("cpu") };
}
