/** Every position's figures as numbers, for those who want them so and for pages without a script. */
import { html } from "@sst/report/page";
import type { InspectionData, PositionData, Share } from "./inspection-data.js";

export function positionsTable({ positions, layers, names, outcome }: InspectionData) {
  const top = layers.at(-1);
  return html`<section aria-labelledby="table-title">
<h2 id="table-title">Every position</h2>
<details><summary>Show the table: after the last iteration, basins of the top layer</summary>
<div class="scroll"><table><thead><tr><th scope="col" class="number">position</th><th scope="col">token</th><th scope="col" class="number">basin</th><th scope="col" class="number">norm</th><th scope="col" class="number">cosine</th><th scope="col" class="number">entropy, nats</th><th scope="col" class="number">shift, bits</th><th scope="col" class="number">by iterating, bits</th><th scope="col">likeliest ${outcome}</th></tr></thead>
<tbody>
${positions.map((position, index) =>
  row(position, index, names, {
    basin: top?.basinOf[index],
    norm: top?.norm[index]?.at(-1),
    cosine: top?.cosineToPosition[index]?.at(-1),
  }),
)}
</tbody></table></div></details>
</section>`;
}

interface TopState {
  readonly basin: number | undefined;
  readonly norm: number | null | undefined;
  readonly cosine: number | null | undefined;
}

function row(position: PositionData, index: number, names: Readonly<Record<number, string>>, state: TopState) {
  const last = position.posterior.at(-1);
  const [token, probability] = (last?.top[0] ?? [0, 0]) as Share;
  const basin = state.basin === undefined ? "–" : state.basin + 1;
  return html`<tr><th scope="row" class="number">${index}</th><td><code class="piece">${shown(position.text)}</code></td><td class="number">${basin}</td>${number(state.norm)}${number(state.cosine)}${number(last?.entropyNats)}${number(position.positionShiftBits)}${number(position.iterationShiftBits)}<td><code class="piece">${shown(names[token] ?? "")}</code> ${(100 * probability).toFixed(1)}%</td></tr>`;
}

function number(value: number | null | undefined) {
  return html`<td class="number">${value === null || value === undefined ? "–" : value.toFixed(3)}</td>`;
}

/** White space that would not be seen. */
function shown(text: string): string {
  return text.replaceAll("\n", "⏎").replaceAll("\t", "⇥");
}
