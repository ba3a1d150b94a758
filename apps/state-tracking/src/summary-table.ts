/** The table at the end of a run. */
import Table from "cli-table3";
import type { Results, RunResult } from "./results.js";

/** One row per task, seed and length: accuracy of the last answer with and without the stream. */
export function summaryTable({ runs }: Results): string {
  const table = new Table({
    head: ["part", "task", "seed", "length", "with stream", "without", "steps", "seconds with / without"],
    style: { head: [], border: [] },
  });
  for (const stream of runs.filter((run) => run.stream)) {
    const baseline = runs.find((run) => !run.stream && isSameExperiment(run, stream));
    for (const [length, { last }] of Object.entries(stream.accuracy)) {
      const times = Number(length) / stream.trainedLength;
      table.push([
        stream.part,
        stream.task,
        stream.seed,
        `${length} (${times}×)`,
        last.toFixed(3),
        baseline?.accuracy[length]?.last.toFixed(3) ?? "–",
        stream.steps,
        `${stream.seconds.toFixed(0)} / ${baseline?.seconds.toFixed(0) ?? "–"}`,
      ]);
    }
  }
  return table.toString();
}

function isSameExperiment(left: RunResult, right: RunResult): boolean {
  return left.part === right.part && left.task === right.task && left.seed === right.seed;
}
