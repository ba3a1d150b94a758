/** A part of the experiment: its tasks one after the other, each with its sentences and charts. */

import { count, figure, type Html, html } from "@sst/report";
import type { RunResult } from "../results.js";
import { alphaChart, iterationChart, lossChart, positionChart } from "./charts.js";
import { comparisonFindings } from "./comparison-summary.js";
import { type Comparison, partTitles } from "./comparisons.js";
import { taskText } from "./tasks.js";

const introductions: Readonly<Record<RunResult["part"], string>> = {
  scratch: "A small transformer learns each task by itself, from random weights.",
  cotrained:
    "A backbone pretrained without a stream is frozen. Adapters (LoRA) on its linear layers are trained alone, or together with the stream: the paper's controlled experiment in miniature.",
};

export function partSection(part: RunResult["part"], comparisons: readonly Comparison[]): Html {
  const own = comparisons.filter((comparison) => comparison.part === part);
  return html`<section aria-labelledby="part-${part}">
<h2 id="part-${part}">${partTitles[part]}</h2>
<p class="lead">${introductions[part]}</p>
${legend()}
${own.map((comparison) => taskSection(comparison, `c${comparisons.indexOf(comparison)}`))}
</section>`;
}

function taskSection(comparison: Comparison, id: string): Html {
  const { title, question } = taskText(comparison.task);
  const run = comparison.stream[0] ?? comparison.baseline[0];
  const charts = [
    ...comparison.lengths.map((length) => positionChart(comparison, length, `${id}-p${length}`)),
    lossChart(comparison, `${id}-loss`),
    alphaChart(comparison, `${id}-alpha`),
    iterationChart(comparison, `${id}-iterations`),
  ].flatMap((chart) => chart ?? []);
  return html`<section class="task" aria-labelledby="task-${id}">
<h3 id="task-${id}">${title}</h3>
<p class="question">${question} Trained on up to ${comparison.trainedLength} symbols, ${count(run?.steps ?? 0, "step")}.</p>
${comparisonFindings(comparison).map((sentence) => html`<p>${sentence}</p>`)}
<div class="charts">
${charts.map(figure)}
</div>
</section>`;
}

function legend(): Html {
  return html`<ul class="legend" aria-label="Legend of the charts">
<li><span class="line stream"></span>with the stream, mean</li>
<li><span class="line thin stream"></span>one seed</li>
<li><span class="line baseline"></span>without, mean</li>
<li><span class="line thin baseline"></span>one seed</li>
<li><span class="line dashed"></span>chance; trained length</li>
</ul>`;
}
