/** What the plugin keeps while it is live. */
import type { BackendRuntime, KernelImplementations } from "@sst/tensor";

export interface CpuRuntime extends BackendRuntime {
  readonly ownKernels: KernelImplementations;
  /** What it runs on, in words. */
  readonly description: string;
  readonly features: readonly string[];
}
