/** "Think longer" on the page: accuracy by number of iterations, in and beyond training, and what halting rules reach. */

import { count, enumerate, figure, type Html, html, mean, percent, percentRange } from "@sst/report";
import type { Results } from "../results.js";
import { type ThinkVariant, variantName } from "../think-longer/recipes.js";
import { beyondChart, depthChart } from "./think-charts.js";
import { evaluatedShare, type Thinking, thinkingOf } from "./think-comparisons.js";

const lines: Readonly<Record<ThinkVariant, string>> = { recirculation: "stream", stream: "defined", plain: "baseline" };

/** The cards for the top of the page. */
export function thinkCards(results: Results): Html[] {
  return thinkingOf(results).map((thinking) => {
    const { hops, nodes } = thinking;
    return html`<article class="card">
<h3>${titleOf(thinking)} <span class="part">think longer</span></h3>
${bar("stream", `${hops} iterations, with recirculation`, evaluatedShare(thinking, "recirculation", hops))}
${bar("baseline", "no iterations, as much training", evaluatedShare(thinking, "plain", 1))}
<p class="note">${nodes} nodes, 1 to ${hops} lookups in a row; with 1 iteration ${percent(mean(evaluatedShare(thinking, "recirculation", 1)))}</p>
</article>`;
  });
}

function bar(variant: string, name: string, accuracies: readonly number[]): Html {
  const average = accuracies.length > 0 ? mean(accuracies) : 0;
  const seeds = accuracies.length === 1 ? "one seed" : `${accuracies.length} seeds ${percentRange(accuracies)}`;
  const range = accuracies.length === 0 ? "not run" : seeds;
  return html`<div class="figure ${variant}">
<p><strong>${accuracies.length > 0 ? percent(average) : "–"}</strong> <span>${name}<small>${range}</small></span></p>
<div class="bar" aria-hidden="true"><i style="width:${(average * 100).toFixed(2)}%"></i></div>
</div>`;
}

export function thinkSection(results: Results): Html {
  const all = thinkingOf(results);
  if (all.length === 0) return html``;
  return html`<section aria-labelledby="part-think-longer">
<h2 id="part-think-longer">Think longer</h2>
<p class="lead">Every sequence brings a new table a → f(a), a number of hops k and a start s, and asks for f applied k times to s: one lookup after another. The model may run several times at the last position before it answers. In training iteration i is asked for the node after i hops, or after all k once it is there. With <em>recirculation</em>, an extension of ours, an iteration starts from what the one before left at the top of the model; as the stream is defined, only the layers' own states go on. Beside them the same transformer without iterations, asked for the answer and trained with as many floating-point operations.</p>
<ul class="legend" aria-label="Legend of the charts">
<li><span class="line stream"></span>with recirculation</li>
<li><span class="line defined"></span>the stream as defined</li>
<li><span class="line baseline"></span>without iterations</li>
<li><span class="line dashed"></span>one hop for each iteration and no more; trained depth</li>
</ul>
${all.map((thinking, index) => taskSection(thinking, `t${index}`))}
</section>`;
}

function taskSection(thinking: Thinking, id: string): Html {
  return html`<section class="task" aria-labelledby="task-${id}">
<h3 id="task-${id}">${titleOf(thinking)}</h3>
${thinkFindings(thinking).map((sentence) => html`<p>${sentence}</p>`)}
<div class="charts">
${[depthChart(thinking, `${id}-depth`), beyondChart(thinking, `${id}-beyond`)].map(figure)}
</div>
${haltingTable(thinking)}
${runTable(thinking)}
</section>`;
}

function titleOf({ nodes, hops, form }: Thinking): string {
  return `${hops} lookups in ${nodes} ${form === "packed" ? "entries" : "entries of two tokens"}`;
}

/** Every sentence follows from the results. */
export function thinkFindings(thinking: Thinking): string[] {
  const { hops } = thinking;
  const full = evaluatedShare(thinking, "recirculation", hops);
  const sentences: string[] = [];
  if (full.length > 0) {
    const first = evaluatedShare(thinking, "recirculation", 1);
    const points = 100 * (mean(full) - mean(first));
    sentences.push(
      `With recirculation ${percentRange(full)} are right after ${hops} iterations and ${percentRange(first)} after one: ${points.toFixed(0)} points.`,
    );
  }
  const others = (["stream", "plain"] as const).flatMap((variant) => {
    const accuracies = evaluatedShare(thinking, variant, variant === "plain" ? 1 : hops);
    return accuracies.length > 0 ? [`${percentRange(accuracies)} ${variantName(variant)}`] : [];
  });
  if (others.length > 0) sentences.push(`Beside it: ${enumerate(others)}.`);
  const [run] = thinking.runs.recirculation;
  if (run) {
    const { from, to, accuracyByDepth } = run.beyond;
    const deeper = evaluatedShare(thinking, "recirculation", 2 * hops);
    sentences.push(
      `Twice as deep as in training ${percentRange(deeper)} of the same questions are right; of questions for ${from} to ${to} hops, which training never asked, ${percent(accuracyByDepth[to - 1] ?? Number.NaN)} after ${to} iterations.`,
    );
  }
  return sentences;
}

function haltingTable({ hops, runs }: Thinking): Html {
  const rules = new Map<string, { accuracy: number; meanIterations: number }[]>();
  for (const { halting = [] } of runs.recirculation) {
    for (const { rule, ...reached } of halting) rules.set(rule, [...(rules.get(rule) ?? []), reached]);
  }
  if (rules.size === 0) return html``;
  const rows = [...rules].map(([rule, reached]) => {
    const iterations = mean(reached.map(({ meanIterations }) => meanIterations));
    return html`<tr><th scope="row">${rule}</th><td class="number">${percentRange(reached.map(({ accuracy }) => accuracy))}</td><td class="number">${iterations.toFixed(2)}</td><td class="number">${percent(iterations / hops)}</td></tr>`;
  });
  return html`<div class="scroll" role="region" aria-label="What halting rules reach" tabindex="0">
<table>
<thead><tr><th scope="col">With recirculation, stopping</th><th scope="col" class="number">accuracy</th><th scope="col" class="number">iterations</th><th scope="col" class="number">of ${hops}</th></tr></thead>
<tbody>
<tr><th scope="row">never before the trained depth</th><td class="number">${percentRange(runs.recirculation.map(({ accuracyByDepth }) => accuracyByDepth[hops - 1] ?? Number.NaN))}</td><td class="number">${hops}</td><td class="number">100%</td></tr>
${rows}
</tbody>
</table>
</div>`;
}

function runTable({ runs }: Thinking): Html {
  const rows = Object.values(runs)
    .flat()
    .map(
      (run) =>
        html`<tr class="${lines[run.variant]}"><th scope="row">${variantName(run.variant)}</th><td class="number">${run.seed}</td><td class="number">${percent(run.accuracyByDepth[0] ?? Number.NaN)}</td><td class="number strong">${percent(run.accuracyByDepth[run.hops - 1] ?? Number.NaN)}</td><td class="number">${percent(run.union)}</td><td class="number">${run.steps}</td><td class="number">${(run.flops / 1e9).toFixed(0)}</td><td class="number">${run.seconds.toFixed(1)}</td></tr>`,
    );
  return html`<div class="scroll" role="region" aria-label="Runs of this task" tabindex="0">
<table>
<thead><tr><th scope="col">${count(rows.length, "run")}</th><th scope="col" class="number">Seed</th><th scope="col" class="number">1 iteration</th><th scope="col" class="number">trained depth</th><th scope="col" class="number">union of depths</th><th scope="col" class="number">Steps</th><th scope="col" class="number">GFLOP</th><th scope="col" class="number">Seconds</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>
</div>`;
}
