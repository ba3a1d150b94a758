/** The table at the end of a run. */
import Table from "cli-table3";
import type { Results, RunResult } from "./results.js";
import { variantName } from "./think-longer/recipes.js";

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

/** One row per run of "think longer": the right answers after one iteration, after as many as in training, and beyond. */
export function thinkTable({ thinking }: Results): string {
  const table = new Table({
    head: [
      "think longer",
      "seed",
      "",
      "1 iteration",
      "trained depth",
      "more hops, deeper",
      "steps",
      "GFLOP",
      "seconds",
    ],
    style: { head: [], border: [] },
  });
  for (const run of thinking) {
    const at = (accuracies: readonly number[], depth: number) => accuracies[depth - 1]?.toFixed(3) ?? "–";
    table.push([
      run.task,
      run.seed,
      variantName(run.variant),
      at(run.accuracyByDepth, 1),
      at(run.accuracyByDepth, run.hops),
      at(run.beyond.accuracyByDepth, run.beyond.to),
      run.steps,
      (run.flops / 1e9).toFixed(0),
      run.seconds.toFixed(0),
    ]);
  }
  return table.toString();
}

function isSameExperiment(left: RunResult, right: RunResult): boolean {
  return left.part === right.part && left.task === right.task && left.seed === right.seed;
}
