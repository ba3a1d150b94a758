/** The report: one page with its data, its script and its style sheet. */
import { readFile } from "node:fs/promises";
import { count, html, raw, style } from "@sst/report/page";
import type { InspectionData } from "./inspection-data.js";
import { modesSection } from "./modes-section.js";
import { positionsTable } from "./positions-table.js";

export async function renderReport(data: InspectionData, prompt: string): Promise<string> {
  const file = (name: string) => readFile(new URL(`inspection/${name}`, import.meta.url), "utf8");
  const [script, ownStyle] = await Promise.all([file("page.js"), file("page.css")]);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Inspection of ${data.model}</title>
<link rel="icon" href="data:,">
<style>${raw(style)}${raw(ownStyle)}</style>
</head>
<body>
<header>
<p class="kicker">State Stream Transformer · inspection</p>
<h1>Inside ${data.model}</h1>
${introduction(data, prompt)}
<noscript><p>The views need JavaScript. The table of all positions at the end does not.</p></noscript>
</header>
<main>
${chooser(data)}
${textSection()}
${positionSection(data)}
${mapsSection(data)}
${trajectorySection()}
${shiftsSection(data)}
${modesSection(data)}
${positionsTable(data)}
</main>
<footer><p>Made by <code>sst inspect</code>. The exact solver; entropies in nats, divergences are Jensen-Shannon in bits. Basins: change points by PELT on the directions of the states, with at most 5% false alarms on pure noise, joined by Ward's criterion.</p></footer>
<script type="application/json" id="data">${raw(JSON.stringify(data).replaceAll("<", "\\u003c"))}</script>
<script type="module">${raw(script.replaceAll("</script", "<\\/script"))}</script>
</body>
</html>
`.text;
}

function introduction({ positions, layers, hiddenSize, iterations }: InspectionData, prompt: string) {
  const areSame = positions.every(({ posterior }) => posterior.length === iterations);
  const generated = positions.filter(({ isGenerated }) => isGenerated).length;
  const read = generated > 0 ? `, ${generated} of them generated` : "";
  return html`<p class="intro">It read <q>${prompt}</q>: ${count(positions.length, "position")}${read}, with ${areSame ? "" : "up to "}${count(iterations, "iteration")} at each. In ${count(layers.length, "layer")} it kept a state of ${hiddenSize} numbers from one position to the next. Point at anything to see that position everywhere; click, or use the arrow keys, to stay there.</p>`;
}

/** What is chosen, for all views. */
function chooser({ positions, layers, iterations }: InspectionData) {
  const options = (values: readonly number[]) =>
    values.map((value) => html`<option value="${value}">${value}</option>`);
  const layerNumbers = layers.map((_, layer) => layer);
  const iterationNumbers = Array.from({ length: iterations }, (_, index) => index + 1);
  return html`<form id="chooser" aria-label="What the views show">
<label class="wide">Position <input type="range" id="position" min="0" max="${positions.length - 1}" value="0"></label>
<output id="chosen" for="position"></output>
<label>Layer <select id="layer">${options(layerNumbers)}</select></label>
<label>Iteration <select id="iteration">${options(iterationNumbers)}</select></label>
</form>`;
}

function textSection() {
  return html`<section aria-labelledby="text-title">
<h2 id="text-title">The text</h2>
<p class="lead">Underlined in the colour of the basin that the chosen layer is in; a bar stands where it changes. What was generated is in italics.</p>
<div id="text" role="group" aria-label="Positions"></div>
</section>`;
}

function positionSection({ outcome }: InspectionData) {
  return html`<section aria-labelledby="here-title">
<h2 id="here-title">At this position</h2>
<div class="charts one">
<figure><h4>Iterations: the ${outcome} after each</h4><div id="iterations"></div></figure>
<figure><h4>Logit lens: the ${outcome} that each layer's state would give</h4><div id="lens"></div><figcaption>The usual lens: final norm and head on the residual stream behind the layer's feed-forward network. The top layer's is what the model says.</figcaption></figure>
</div>
</section>`;
}

/** Up to so many positions, two maps fit beside each other. */
const fewPositions = 24;

function mapsSection({ iterations, positions }: InspectionData) {
  const layout = positions.length <= fewPositions ? "charts one few" : "charts one";
  return html`<section aria-labelledby="maps-title">
<h2 id="maps-title">Layer by position</h2>
<p class="lead">Each column is a position, the top layer above. After the chosen iteration; click a cell to choose its layer as well.</p>
<div class="${layout}">
${map("norm", "Norm of the state")}
${map("cosineToPosition", "Cosine to the state of the position before")}
${iterations > 1 ? map("divergenceBits", "Divergence of the lens from the iteration before, bits") : undefined}
${iterations > 1 ? map("cosineToIteration", "Cosine to the state of the iteration before") : undefined}
</div>
<h3 class="spaced">Iteration by position</h3>
<div class="${layout}">
${map("entropy", "Entropy of the model's distribution after each iteration, nats")}
${iterations > 1 ? map("moved", "Divergence from the iteration before, bits") : undefined}
</div>
</section>`;
}

function map(name: string, title: string) {
  return html`<figure class="map" data-map="${name}"><div class="head"><h4>${title}</h4><p class="scale"></p></div><div class="plot"></div><figcaption></figcaption></figure>`;
}

function trajectorySection() {
  return html`<section aria-labelledby="trajectory-title">
<h2 id="trajectory-title">The trajectory</h2>
<p class="lead">The chosen layer's states, as directions, on their first two principal components; joined in the order of positions, coloured by basin.</p>
<figure class="trajectory"><div id="trajectory"></div><figcaption id="basins"></figcaption></figure>
</section>`;
}

function shiftsSection({ outcome }: InspectionData) {
  return html`<section aria-labelledby="shifts-title">
<h2 id="shifts-title">Basin shifts</h2>
<p class="lead" id="shifts-lead"></p>
<div class="scroll"><table id="shifts"><thead><tr><th scope="col">position</th><th scope="col">token</th><th scope="col">basin</th><th scope="col" class="number">shift, bits</th><th scope="col">${outcome} before</th><th scope="col">${outcome} after</th></tr></thead><tbody></tbody></table></div>
</section>`;
}
