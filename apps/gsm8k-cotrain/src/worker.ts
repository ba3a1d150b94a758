/** A worker process: is sent one job, and sends back how far it is and what came out. */
import "@sst/backend-cpu";
import { ready } from "@sst/tensor";
import type { Job } from "./jobs.js";
import type { SeedResult } from "./results.js";
import type { Progress, RunContext } from "./run-context.js";
import { runGenerated } from "./run-generated.js";
import { runReal } from "./run-real.js";

export interface WorkerRequest {
  readonly job: Job;
  readonly folder: string;
}

export type WorkerMessage =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "done"; readonly result: SeedResult; readonly device: string }
  | { readonly kind: "failed"; readonly message: string };

const send = (message: WorkerMessage) => process.send?.(message);
/** The last word: the process ends when it is said. */
const end = (message: WorkerMessage) => process.send?.(message, () => process.disconnect());

process.once("message", async ({ job, folder }: WorkerRequest) => {
  try {
    const { live } = await ready({ backend: "cpu" });
    const result = await run(job, { folder, onProgress: (progress) => send({ kind: "progress", progress }) });
    end({ kind: "done", result, device: live.capabilities.description });
  } catch (error) {
    end({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});

function run(job: Job, context: RunContext): Promise<SeedResult> {
  return job.kind === "generated"
    ? runGenerated(job.settings, job.seed, context)
    : runReal(job.settings, job.seed, context);
}
