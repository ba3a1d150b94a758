/** Runs the seeds, each in a process of its own with one thread, as many at a time as there are cores. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Job } from "./jobs.js";
import type { SeedResult } from "./results.js";
import type { Progress } from "./run-context.js";
import type { WorkerMessage, WorkerRequest } from "./worker.js";

/** @returns results by seed. @throws Error of the first job that fails; the others are ended then */
export async function runSeeds(
  jobs: readonly Job[],
  folder: string,
  onProgress: (job: Job, progress: Progress | "done") => void,
): Promise<{ readonly runs: SeedResult[]; readonly device: string }> {
  const left = [...jobs];
  const running = new Set<ChildProcess>();
  const runs: SeedResult[] = [];
  let device = "";
  const work = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) {
      const child = fork(fileURLToPath(new URL("./worker.js", import.meta.url)), {
        env: { ...process.env, SST_THREADS: "1" },
      });
      running.add(child);
      const done = await resultOf(child, { job, folder }, onProgress);
      running.delete(child);
      runs.push(done.result);
      device = done.device;
      onProgress(job, "done");
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, work));
  } finally {
    for (const child of running) child.kill();
  }
  return { runs: runs.sort((left, right) => left.seed - right.seed), device };
}

function resultOf(
  child: ChildProcess,
  request: WorkerRequest,
  onProgress: (job: Job, progress: Progress) => void,
): Promise<Extract<WorkerMessage, { kind: "done" }>> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: WorkerMessage) => {
      if (message.kind === "progress") onProgress(request.job, message.progress);
      else if (message.kind === "done") resolve(message);
      else reject(new Error(`seed ${request.job.seed}: ${message.message}`));
    });
    child.on("error", reject);
    // After a result this changes nothing.
    child.on("exit", (code) => reject(new Error(`the process of seed ${request.job.seed} ended with code ${code}`)));
    child.send(request);
  });
}
