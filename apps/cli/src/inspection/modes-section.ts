/** Whether shifts come in two kinds: histograms, and what the tests say. */
import { html, raw } from "@sst/report/page";
import type { InspectionData, ModesData } from "./inspection-data.js";

const bins = 24;

export function modesSection({ modes }: InspectionData) {
  if (modes.length === 0) return undefined;
  return html`<section aria-labelledby="modes-title">
<h2 id="modes-title">One kind of shift, or two</h2>
<p class="lead">How far the model's distribution moves, over all positions. Two modes: most positions hardly matter, and some decide.</p>
<div class="charts two">${modes.map(modesFigure)}</div>
</section>`;
}

function modesFigure({ title, unit, values, coefficient, dip, pValue, isBimodal }: ModesData) {
  const sarle =
    coefficient === null
      ? "no coefficient, all are equal"
      : `Sarle's coefficient ${coefficient.toFixed(2)} (uniform: 0.56)`;
  const verdict = isBimodal ? "Not one mode" : "One mode is not ruled out";
  const p = pValue < 0.001 ? "p < 0.001" : `p = ${pValue.toFixed(3)}`;
  return html`<figure><h4>${title}, ${unit}</h4>${histogram(values)}<figcaption><strong>${verdict}</strong>: dip ${dip.toFixed(3)}, ${p}; ${sarle}; ${values.length} shifts.</figcaption></figure>`;
}

/** From 0 to the largest value, as bars with their ends labelled. */
function histogram(values: readonly number[]) {
  const largest = Math.max(...values, 1e-9);
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.min(bins - 1, Math.floor((value / largest) * bins));
    counts[bin] = (counts[bin] as number) + 1;
  }
  const most = Math.max(...counts);
  const [width, height, bottom] = [480, 150, 126];
  const bars = counts.map((count, bin) => {
    const tall = (count / most) * (bottom - 18);
    return `<rect x="${bin * (width / bins) + 1}" y="${bottom - tall}" width="${width / bins - 2}" height="${tall}" rx="1.5"/>`;
  });
  const label = `Histogram from 0 to ${largest.toPrecision(3)} bits: ${counts.join(", ")}`;
  return raw(
    `<svg class="histogram" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${bars.join("")}` +
      `<line x1="0" x2="${width}" y1="${bottom + 0.5}" y2="${bottom + 0.5}"/>` +
      `<text x="1" y="${bottom + 17}">0</text><text x="${width - 1}" y="${bottom + 17}" text-anchor="end">${largest.toPrecision(2)}</text>` +
      `<text x="1" y="11">${most} ${most === 1 ? "position" : "positions"}</text></svg>`,
  );
}
