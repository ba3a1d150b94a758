/** Progress of the jobs: bars on a terminal, a line per finished job elsewhere. */
import { MultiBar, Presets, type SingleBar } from "cli-progress";
import { type Job, stepsOf, titleOf } from "./experiments.js";
import type { PoolListener } from "./pool.js";

export function createProgress(jobCount: number): PoolListener & { stop(): void } {
  return process.stderr.isTTY ? bars() : lines(jobCount);
}

function bars(): PoolListener & { stop(): void } {
  const format = "{bar} {value}/{total} steps | loss {loss} | {title}";
  const multi = new MultiBar({ format, hideCursor: true, clearOnComplete: false }, Presets.shades_grey);
  const active = new Map<Job, SingleBar>();
  return {
    started: (job) => active.set(job, multi.create(stepsOf(job), 0, { title: titleOf(job), loss: "–" })),
    stepped: (job, count, loss) => active.get(job)?.increment(count, { loss: loss.toFixed(4) }),
    // The last steps may not have been told.
    finished: (job) => {
      const bar = active.get(job);
      bar?.update(stepsOf(job));
      bar?.stop();
    },
    stop: () => multi.stop(),
  };
}

function lines(jobCount: number): PoolListener & { stop(): void } {
  const startedAt = performance.now();
  let finished = 0;
  const write = (text: string) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(4);
    process.stderr.write(`${seconds} s  ${text}\n`);
  };
  return {
    started: (job) => write(`started  ${titleOf(job)} (${stepsOf(job)} steps)`),
    stepped: () => {},
    finished: (job) => write(`finished ${titleOf(job)} (${++finished} of ${jobCount})`),
    stop: () => {},
  };
}
