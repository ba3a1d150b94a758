/** The page: what is compared, what came out, and everything behind it. */

import { count, enumerate, html, raw, style } from "@sst/report";
import type { Results, RunResult } from "../results.js";
import { type Comparison, comparisonsOf, partTitles } from "./comparisons.js";
import { headline } from "./headline.js";
import { partSection } from "./sections.js";
import { findings } from "./summary.js";
import { runTable } from "./tables.js";
import { thinkingOf } from "./think-comparisons.js";
import { thinkCards, thinkFindings, thinkSection } from "./think-longer.js";

const title = "What a transformer gains from a state that stays";

export function renderPage(results: Results): string {
  const comparisons = comparisonsOf(results);
  const parts = (Object.keys(partTitles) as RunResult["part"][]).filter((part) =>
    comparisons.some((comparison) => comparison.part === part),
  );
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
<p class="kicker">State Stream Transformer · state tracking</p>
<h1>${title}</h1>
${introduction(results, comparisons)}
</header>
<main>
<section aria-labelledby="headline">
<h2 id="headline">The last answer, with and without</h2>
<p class="lead">Share of sequences of the trained length whose last answer is right: it depends on every symbol before it.</p>
<div class="cards">
${comparisons.map(headline)}
${thinkCards(results)}
</div>
</section>
<section aria-labelledby="findings">
<h2 id="findings">What the numbers say</h2>
<ul class="findings">
${[...findings(comparisons), ...thinkingOf(results).flatMap(thinkFindings)].map((sentence) => html`<li>${sentence}</li>`)}
</ul>
</section>
${parts.map((part) => partSection(part, comparisons))}
${thinkSection(results)}
<section aria-labelledby="runs">
<h2 id="runs">Every run</h2>
<p class="lead">Accuracy of the last answer and of all answers, at the length in training and its multiples. These are all the runs in <code>results.json</code>.</p>
${runTable(results)}
</section>
</main>
<footer>
<p>Made ${date(results.createdAt)} on <code>${results.backend}</code> from <code>results.json</code>, which lies beside this page with all that it shows; the trained models are in <code>models/</code>.</p>
</footer>
</body>
</html>
`.text;
}

function introduction({ runs, evaluatedSequences }: Results, comparisons: readonly Comparison[]) {
  const seeds = [...new Set(runs.map((run) => run.seed))].sort((left, right) => left - right);
  const sequences = evaluatedSequences.toLocaleString("en");
  const longest = Math.max(
    1,
    ...comparisons.map(({ lengths, trainedLength }) => (lengths.at(-1) ?? 0) / trainedLength),
  );
  const seedText = seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${enumerate(seeds.map(String))}`;
  return html`<p class="intro">A transformer forgets its latent state at every position. A <em>state stream</em> keeps it: in each layer the hidden state after attention, <i>a</i>, is blended with what the same layer put out one position earlier, <i>s</i>, before it enters the feed-forward network:</p>
<p class="formula" role="math" aria-label="h equals one minus alpha, times a, plus alpha times s">h = (1 − α) ⊙ a + α ⊙ s</p>
<p class="intro">with a small α learned for every dimension. Here the same transformer is trained twice, on the same data in the same order, from the same seeds and for the same number of steps, once with the stream and once without: ${count(comparisons.length, "comparison")}, ${seedText}. Both are then asked for an answer after each symbol of ${sequences} fresh sequences, up to ${longest} times as long as in training, by exact inference: the recurrence is solved position by position, with no approximation.</p>`;
}

function date(createdAt: string): string {
  const time = new Date(createdAt);
  return Number.isNaN(time.getTime()) ? createdAt : `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
