/** Spreads jobs over worker processes, one per core. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Job } from "./experiments.js";
import type { RunResult } from "./results.js";
import type { ThinkResult } from "./think-longer/result.js";
import type { WorkerMessage, WorkerRequest } from "./worker.js";

export interface PoolListener {
  started(job: Job): void;
  /** So many steps more, the last with this loss. */
  stepped(job: Job, count: number, loss: number): void;
  finished(job: Job): void;
}

/** Runs all jobs, in order of the list as processes become free. @throws Error of the first job that fails */
export async function runJobs(
  jobs: readonly Job[],
  outputFolder: string,
  listener: PoolListener,
): Promise<{ results: (RunResult | ThinkResult)[]; device: string }> {
  const queue = [...jobs];
  const results: (RunResult | ThinkResult)[] = [];
  let device = "";
  const children: ChildProcess[] = [];
  const work = async () => {
    // One thread each: the processes share the cores already.
    const env = { ...process.env, SST_THREADS: "1" };
    const child = fork(fileURLToPath(new URL("./worker.js", import.meta.url)), { env });
    children.push(child);
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      listener.started(job);
      const done = await runOn(child, job, outputFolder, listener);
      results.push(...done.results);
      device = done.device;
      listener.finished(job);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, work));
  } finally {
    for (const child of children) child.kill();
  }
  return { results, device };
}

function runOn(
  child: ChildProcess,
  job: Job,
  outputFolder: string,
  listener: PoolListener,
): Promise<{ results: readonly (RunResult | ThinkResult)[]; device: string }> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      act();
    };
    const onMessage = (message: WorkerMessage) => {
      if (message.kind === "steps") listener.stepped(job, message.count, message.loss);
      else if (message.kind === "done") settle(() => resolve(message));
      else settle(() => reject(new Error(message.message)));
    };
    const onExit = (code: number | null) => settle(() => reject(new Error(`a worker process ended with code ${code}`)));
    child.on("message", onMessage);
    child.on("exit", onExit);
    child.send({ job, outputFolder } satisfies WorkerRequest);
  });
}
