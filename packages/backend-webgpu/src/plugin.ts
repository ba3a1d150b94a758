/** The plugin object: `@sst/backend-webgpu` as `@sst/tensor` sees it. */
import { BACKEND_CONTRACT_VERSION, type Backend, type InitializedBackend, SstError } from "@sst/tensor";
import { describeAdapter, findAdapter, requestDevice, type Unavailability } from "./adapter.js";
import { createEngine } from "./engine.js";
import { isNode } from "./gpu.js";

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

/** Register what this returns in place of `webgpuBackend` to choose otherwise than it does. */
export function createWebgpuBackend({ softwareAdapter = isNode() }: WebgpuOptions = {}): WebgpuBackend {
  return {
    contractVersion: BACKEND_CONTRACT_VERSION,
    name: "webgpu",
    priority: softwareAdapter ? 5 : 20,
    isAvailable: async () => {
      const adapter = await findAdapter(softwareAdapter);
      return "reason" in adapter ? { available: false, ...adapter } : { available: true };
    },
    initialize: () => initialize(softwareAdapter),
  };
}

/** Runs on GPUs: in browsers, and in Node through Dawn. */
export const webgpuBackend: WebgpuBackend = createWebgpuBackend();

async function initialize(softwareAdapter: boolean): Promise<InitializedBackend> {
  const adapter = await findAdapter(softwareAdapter);
  if ("reason" in adapter) throw new SstError("backend-unavailable", `webgpu: ${adapter.reason}`);
  const device = await requestDevice(adapter);
  const features = [...device.features].filter((feature) => feature === "shader-f16" || feature === "subgroups");
  return {
    ...(await createEngine(device, adapter.info)),
    kernels: {},
    description: [describeAdapter(adapter.info), ...features].join(", "),
  };
}
