/** The table of all runs. */

import { type Html, html, percent } from "@sst/report";
import type { Results, RunResult } from "../results.js";
import { partTitles } from "./comparisons.js";
import { taskText } from "./tasks.js";

export function runTable({ runs }: Results): Html {
  const multiples = multiplesOf(runs);
  const lengthHeads = multiples.map((times) => html`<th scope="colgroup" colspan="2">${times}× length</th>`);
  const columnHeads = multiples.map(
    () => html`<th scope="col" class="number">last</th><th scope="col" class="number">all</th>`,
  );
  return html`<div class="scroll" role="region" aria-label="Table of all runs" tabindex="0">
<table>
<thead>
<tr><th scope="col" rowspan="2">Part</th><th scope="col" rowspan="2">Task</th><th scope="col" rowspan="2" class="number">Seed</th><th scope="col" rowspan="2">Stream</th>${lengthHeads}<th scope="col" rowspan="2" class="number">Steps</th><th scope="col" rowspan="2" class="number">Seconds</th><th scope="col" rowspan="2">Solver</th></tr>
<tr>${columnHeads}</tr>
</thead>
<tbody>
${runs.map((run) => row(run, multiples))}
</tbody>
</table>
</div>`;
}

function row(run: RunResult, multiples: readonly number[]): Html {
  const accuracies = multiples.map((times) => {
    const length = run.trainedLength * times;
    const accuracy = run.accuracy[String(length)];
    if (!accuracy) return html`<td class="number">–</td><td class="number">–</td>`;
    const title = `at length ${length}`;
    return html`<td class="number strong" title="${title}">${percent(accuracy.last)}</td><td class="number" title="${title}">${percent(accuracy.all)}</td>`;
  });
  const variant = run.stream ? "stream" : "baseline";
  const part = run.part === "scratch" ? "scratch" : "co-trained";
  return html`<tr class="${variant}"><td title="${partTitles[run.part]}">${part}</td><th scope="row">${taskText(run.task).title}</th><td class="number">${run.seed}</td><td><span class="tag ${variant}">${run.stream ? "with" : "without"}</span></td>${accuracies}<td class="number">${run.steps}</td><td class="number">${run.seconds.toFixed(1)}</td><td>${run.solver}</td></tr>`;
}

/** The evaluated lengths as multiples of what each run was trained on. */
function multiplesOf(runs: readonly RunResult[]): number[] {
  const multiples = runs.flatMap((run) =>
    Object.keys(run.accuracy).map((length) => Number(length) / run.trainedLength),
  );
  return [...new Set(multiples)].sort((left, right) => left - right);
}
