/** The plugin object: `@sst/backend-webgpu` as `@sst/tensor` sees it. */
import { type Backend, defineBackend, SstError } from "@sst/tensor";
import { describeAdapter, findAdapter, limitsOf, requestDevice, type Unavailability } from "./adapter.js";
import { createEngine, type EngineRuntime } from "./engine.js";
import { isNode } from "./gpu.js";
import { createKernels } from "./kernels/index.js";

export interface WebgpuOptions {
  /**
   * Whether an adapter in software (SwiftShader, llvmpipe) will do. It is slower than the backend `cpu`, so a backend
   * that takes one has a lower priority than that: it runs when it is asked for by name. Defaults to true in Node, where
   * looking for an adapter means loading Dawn, and to false in browsers.
   */
  readonly softwareAdapter?: boolean;
}

export type WebgpuAvailability = { readonly available: true } | ({ readonly available: false } & Unavailability);

/** The contract, with a code for every reason. */
export interface WebgpuBackend extends Backend {
  isAvailable(): Promise<WebgpuAvailability>;
}

/** What the plugin keeps while it is live. */
interface WebgpuRuntime extends EngineRuntime {
  readonly device: GPUDevice;
  readonly description: string;
}

/** Register what this returns in place of `webgpuBackend` (`{ replace: true }`) to choose otherwise than it does. */
export function createWebgpuBackend({ softwareAdapter = isNode() }: WebgpuOptions = {}): WebgpuBackend {
  return defineBackend<WebgpuRuntime>({
    contractVersion: 3,
    name: "webgpu",
    priority: softwareAdapter ? 5 : 20,
    isAvailable: async () => {
      const adapter = await findAdapter(softwareAdapter);
      return "reason" in adapter ? { available: false, ...adapter } : { available: true };
    },
    initialize: async ({ onLost }) => {
      const adapter = await findAdapter(softwareAdapter);
      if ("reason" in adapter) throw new SstError("backend-unavailable", `webgpu: ${adapter.reason}`);
      const device = await requestDevice(adapter);
      return {
        ...(await createEngine(device, adapter.info, onLost)),
        device,
        description: describeAdapter(adapter.info),
      };
    },
    capabilities: ({ device, description }) => ({
      description,
      dataTypes: ["float32", "int32", "bool"],
      features: [...device.features],
      limits: limitsOf(device),
    }),
    kernels: ({ programs, product }) => createKernels(programs, product),
    dispose: ({ engine }) => engine.dispose(),
  }) as WebgpuBackend;
}

/** Runs on GPUs: in browsers, and in Node through Dawn. */
export const webgpuBackend: WebgpuBackend = createWebgpuBackend();
