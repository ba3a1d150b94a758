/** A worker process: takes jobs over the process channel, one at a time, and sends back steps and results. */
import "@sst/backend-cpu";
import { ready } from "@sst/tensor";
import type { Job } from "./experiments.js";
import type { RunResult } from "./results.js";
import { runJob } from "./run.js";
import type { ThinkResult } from "./think-longer/result.js";

/** From the main process. */
export interface WorkerRequest {
  readonly job: Job;
  readonly outputFolder: string;
}

/** To the main process. */
export type WorkerMessage =
  | { readonly kind: "step"; readonly loss: number }
  | { readonly kind: "done"; readonly results: readonly (RunResult | ThinkResult)[]; readonly device: string }
  | { readonly kind: "failed"; readonly message: string };

const device = await ready({ backend: "cpu" });

process.on("message", async ({ job, outputFolder }: WorkerRequest) => {
  try {
    const results = await runJob(job, { outputFolder, onStep: ({ loss }) => send({ kind: "step", loss }) });
    send({ kind: "done", results, device: device.live.capabilities.description });
  } catch (error) {
    send({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});

function send(message: WorkerMessage): void {
  process.send?.(message);
}
