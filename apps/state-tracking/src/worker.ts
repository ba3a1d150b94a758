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
  | { readonly kind: "steps"; readonly count: number; readonly loss: number }
  | { readonly kind: "done"; readonly results: readonly (RunResult | ThinkResult)[]; readonly device: string }
  | { readonly kind: "failed"; readonly message: string };

const device = await ready({ backend: "cpu" });

/** Steps are told together now and then: a message takes a good part of what a step of a small model does. */
const TELLING_MS = 100;

let untold = 0;
let toldAtMs = performance.now();

function tellStep(loss: number): void {
  untold++;
  if (performance.now() - toldAtMs < TELLING_MS) return;
  send({ kind: "steps", count: untold, loss });
  untold = 0;
  toldAtMs = performance.now();
}

process.on("message", async ({ job, outputFolder }: WorkerRequest) => {
  untold = 0;
  try {
    const results = await runJob(job, { outputFolder, onStep: ({ loss }) => tellStep(loss) });
    send({ kind: "done", results, device: device.live.capabilities.description });
  } catch (error) {
    send({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});

function send(message: WorkerMessage): void {
  process.send?.(message);
}
