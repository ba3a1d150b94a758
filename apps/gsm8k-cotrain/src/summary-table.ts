/** The table at the end of a run. */
import { percent } from "@sst/report";
import Table from "cli-table3";
import type { Results } from "./results.js";
import { accuracies, summarize } from "./summary.js";

export function summaryTable(results: Results): string {
  const table = new Table({
    head: ["questions", "seed", "with stream", "union over depths", "baseline", "backbone"],
    style: { head: [], border: [] },
  });
  for (const summary of summarize(results)) {
    const { stream, baseline } = accuracies(summary);
    for (const [index, { seed }] of results.runs.entries()) {
      const set = summary.sets[index];
      table.push([
        summary.title,
        seed,
        percent(stream[index] as number),
        percent(set?.unionOverDepths ?? Number.NaN),
        percent(baseline[index] as number),
        percent(set?.backbone ?? Number.NaN),
      ]);
    }
  }
  return table.toString();
}
