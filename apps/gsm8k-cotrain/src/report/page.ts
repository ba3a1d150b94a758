/** The report: one self-contained page. */
import { paperAlpha, type StateStreamConfig } from "@sst/layers";
import { count, figure, html, mean, percent, percentRange, raw, style } from "@sst/report";
import type { Results } from "../results.js";
import { accuracies, type SetSummary, summarize } from "../summary.js";
import { depthChart, lossChart } from "./charts.js";
import { findings } from "./findings.js";
import { depthTable, paperTable, probeTable, seedTable } from "./tables.js";

const title = "The state stream, co-trained into a pretrained model";

/** A whole HTML document that needs no network and no other file. */
export function renderReport(results: Results): string {
  const { experiment, runs } = results;
  const summaries = summarize(results);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · State Stream Transformer</title>
<style>${raw(style)}</style>
</head>
<body>
<header>
<p class="kicker">State Stream Transformer · co-training</p>
<h1>${title}</h1>
<p class="intro">The claim of the paper is a controlled one: the same backbone, data, steps and adapters, with and without the stream. Here the backbone is ${experiment.backbone}; it is frozen. It learns from ${experiment.data}: ${experiment.training}. ${count(runs.length, "seed")}; ${alphaRange(experiment.alpha)}, and the matched baseline differs in nothing but the stream.</p>
<p class="formula">${experiment.example.text} <strong>${experiment.example.answer}</strong></p>
</header>
<main>
<section aria-labelledby="headline">
<h2 id="headline">With and without</h2>
<p class="lead">Questions that are answered right, greedily, one iteration a position, by exact inference.</p>
<div class="cards">
${summaries.map((summary) => card(summary, experiment.chance))}
</div>
</section>
<section aria-labelledby="findings">
<h2 id="findings">What the numbers say</h2>
<ul class="findings">
${findings(results, summaries).map((sentence) => html`<li>${sentence}</li>`)}
</ul>
</section>
<section aria-labelledby="paper">
<h2 id="paper">The paper's table, and ours</h2>
<p class="lead">The paper's rows are of a model of 27 billion parameters and are no measurement of ours; its GPQA figure counts a question as solved if any of four depths solves it. Ours: all seeds' questions together; the difference to the baseline in points with a paired bootstrap interval, and McNemar's exact p.</p>
${paperTable(summaries)}
</section>
<section aria-labelledby="depths">
<h2 id="depths">By depth</h2>
<p class="lead">The prompt is read with one iteration a position, the answer's position iterates. Each depth by itself; the union is no accuracy of the model. The probe of the next section, trained on the first questions, chooses between the first and the last depth for each of the harder ones.</p>
${depthTable(summaries)}
<div class="charts">
${[depthChart(summaries, results), lossChart(results)].map(figure)}
</div>
</section>
<section aria-labelledby="probe">
<h2 id="probe">Does an answer survive more iterations?</h2>
<p class="lead">A linear probe on the latent states at the first generated position says whether an answer that is right at depth 1 is right at all depths: areas under the ROC curve, cross-validated, with 95% intervals, beside two controls.</p>
${probeTable(runs)}
</section>
<section aria-labelledby="seeds">
<h2 id="seeds">Every seed</h2>
${seedTable(results)}
</section>
</main>
<footer>
<p>Made ${results.createdAt.slice(0, 16).replace("T", " ")} UTC on <code>${results.backend}</code> from <code>results.json</code>; every prompt, completion and verdict is in <code>verdicts/</code>, the models are in <code>models/</code>.</p>
</footer>
</body>
</html>
`.text;
}

function alphaRange({ alphaMin, alphaMax }: StateStreamConfig): string {
  const range = `the stream's α is between ${alphaMin} and ${alphaMax}`;
  const isPapers = alphaMin === paperAlpha.alphaMin && alphaMax === paperAlpha.alphaMax;
  return isPapers
    ? `${range}, as in the paper`
    : `${range} (in the paper ${paperAlpha.alphaMin} to ${paperAlpha.alphaMax})`;
}

function card(summary: SetSummary, chance: number | undefined) {
  const { stream, baseline } = accuracies(summary);
  const bar = (
    variant: "stream" | "baseline",
    values: readonly number[],
    name: string,
  ) => html`<div class="figure ${variant}">
<p><strong>${percent(mean(values))}</strong> <span>${name}<small>${count(values.length, "seed")} ${percentRange(values)}</small></span></p>
<div class="bar" aria-hidden="true"><i style="width:${(100 * mean(values)).toFixed(2)}%"></i>${chance === undefined ? undefined : html`<b style="left:${(100 * chance).toFixed(2)}%"></b>`}</div>
</div>`;
  return html`<article class="card">
<h3>${summary.title} <span class="part">${summary.role === "harder" ? "harder than in training" : "as hard as in training"}</span></h3>
${bar("stream", stream, "with the stream")}
${bar("baseline", baseline, "without it")}
<p class="note">${chance === undefined ? "" : `guessing ${percent(chance)}`}</p>
</article>`;
}
