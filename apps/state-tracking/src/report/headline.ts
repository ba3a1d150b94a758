/** The headline figure of one comparison. */

import { type Html, html, mean, percent, percentRange } from "@sst/report";
import { type Comparison, lastAnswers } from "./comparisons.js";
import { taskText } from "./tasks.js";

export function headline(comparison: Comparison): Html {
  const { task, part, trainedLength, chance } = comparison;
  const tag =
    part === "cotrained" ? html`<span class="part">co-trained</span>` : html`<span class="part">from scratch</span>`;
  return html`<article class="card">
<h3>${taskText(task).title} ${tag}</h3>
${bar(comparison, "stream")}
${bar(comparison, "baseline")}
<p class="note">${trainedLength} symbols; chance ${percent(chance)} <span class="tick" aria-hidden="true"></span></p>
</article>`;
}

function bar(comparison: Comparison, variant: "stream" | "baseline"): Html {
  const accuracies = lastAnswers(comparison[variant], comparison.trainedLength);
  const average = accuracies.length > 0 ? mean(accuracies) : 0;
  const range = rangeOf(accuracies);
  const name = variant === "stream" ? "with the stream" : "without it";
  const chance = Number.isFinite(comparison.chance) ? comparison.chance : 0;
  return html`<div class="figure ${variant}">
<p><strong>${accuracies.length > 0 ? percent(average) : "–"}</strong> <span>${name}<small>${range}</small></span></p>
<div class="bar" aria-hidden="true"><i style="width:${(average * 100).toFixed(2)}%"></i><b style="left:${(chance * 100).toFixed(2)}%"></b></div>
</div>`;
}

function rangeOf(accuracies: readonly number[]): string {
  if (accuracies.length === 0) return "not run";
  return accuracies.length === 1 ? "one seed" : `${accuracies.length} seeds ${percentRange(accuracies)}`;
}
