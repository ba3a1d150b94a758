/** Choosing an adapter, and making a device that has all that the adapter offers. */
import { findGpu } from "./gpu.js";

/** Why there is no device here. */
export interface Unavailability {
  readonly code: "no-webgpu" | "package-missing" | "package-broken" | "no-adapter" | "software-adapter";
  /** In words, with what to do about it. */
  readonly reason: string;
}

/** Used by kernels where present; nothing depends on them. */
const WANTED_FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;

/** Every limit that bounds what a compute kernel can do. */
const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxUniformBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** The fastest adapter. One in software is refused unless `softwareAdapter` says that it will do. */
export async function findAdapter(softwareAdapter: boolean): Promise<GPUAdapter | Unavailability> {
  const gpu = await findGpu();
  if ("reason" in gpu) return gpu;
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    return {
      code: "no-adapter",
      reason:
        "WebGPU finds no adapter: there is no GPU, or no driver for it (on Linux a Vulkan driver and libvulkan.so.1)",
    };
  }
  if (isSoftware(adapter.info) && !softwareAdapter) {
    return {
      code: "software-adapter",
      reason:
        `the only adapter is software (${describeAdapter(adapter.info)}), slower than the backend "cpu": register ` +
        "createWebgpuBackend({ softwareAdapter: true }) to use it all the same",
    };
  }
  return adapter;
}

/** A device with the adapter's largest limits and the features that kernels know how to use. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  return adapter.requestDevice({
    requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
}

/** The limits that bound what runs. */
export function limitsOf(device: GPUDevice): Record<string, number> {
  return Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, device.limits[limit]]));
}

/** Vendor, architecture and device, as far as the browser tells. */
export function describeAdapter(info: GPUAdapterInfo): string {
  const words = [info.vendor, info.architecture, info.description || info.device].filter((word) => word !== "");
  return words.join(" ") || "an adapter that does not say what it is";
}

function isSoftware(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(describeAdapter(info));
}
