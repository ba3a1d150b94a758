/** Which limits of which devices a plan would hit. */
import { totalmem } from "node:os";
import type { MemoryPlan } from "@sst/eval";
import { type Device, devices } from "@sst/tensor";

export interface LimitCheck {
  readonly device: string;
  readonly limit: string;
  readonly allowedBytes: number;
  readonly neededBytes: number;
  /** What needs it. */
  readonly by: string;
  readonly fits: boolean;
}

/** What every WebGPU device has at least, by the standard: what a page gets that asks for no more. */
const webgpuDefaults = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };

/** Limits that a single piece of memory has to keep to; the others are of all memory. */
const pieceLimits: readonly string[] = Object.keys(webgpuDefaults);
const wholeLimits: readonly string[] = ["heapBytes"];

/** Of the devices that are here, of this machine, and of any device with WebGPU. */
export async function checkLimits(plan: MemoryPlan): Promise<LimitCheck[]> {
  const found = await devices({ bringToLife: true });
  return [
    ...checks(plan, "this machine", { memory: totalmem() }, ["memory"]),
    ...found.flatMap((device) => ofDevice(plan, device)),
    ...checks(plan, "any WebGPU device", webgpuDefaults, []),
  ];
}

function ofDevice(plan: MemoryPlan, { backend, live }: Device): LimitCheck[] {
  return live ? checks(plan, backend, live.capabilities.limits, wholeLimits) : [];
}

function checks(
  { totalBytes, largest }: MemoryPlan,
  device: string,
  limits: Readonly<Record<string, number>>,
  ofAll: readonly string[],
): LimitCheck[] {
  return Object.entries(limits).flatMap(([limit, allowedBytes]) => {
    const isOfAll = ofAll.includes(limit);
    if (!isOfAll && !pieceLimits.includes(limit)) return [];
    const neededBytes = isOfAll ? totalBytes : largest.sizeBytes;
    const by = isOfAll ? "everything together" : largest.name;
    return [{ device, limit, allowedBytes, neededBytes, by, fits: neededBytes <= allowedBytes }];
  });
}
