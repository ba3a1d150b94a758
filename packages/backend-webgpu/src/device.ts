/** A device with what the adapter offers: TensorFlow.js' own asks for less, and breaks outside browsers. */

const wantedFeatures = ["shader-f16", "subgroups", "timestamp-query"] as const;

const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

export async function createDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  return adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
  });
}

/** The adapter in words, with the features that were switched on. */
export function describeDevice(adapter: GPUAdapter, device: GPUDevice): string {
  const { vendor, architecture, description } = adapter.info;
  const name = description || [vendor, architecture].filter((part) => part !== "").join(" ") || "unnamed adapter";
  const features = wantedFeatures.filter((feature) => device.features.has(feature));
  return features.length > 0 ? `${name} (${features.join(", ")})` : name;
}
