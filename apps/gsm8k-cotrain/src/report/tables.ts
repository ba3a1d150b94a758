/** The page's tables. */
import type { ProbeAssessment } from "@sst/eval";
import { type Html, html, percent } from "@sst/report";
import type { QuestionSet, Results, SeedResult } from "../results.js";
import type { SetSummary } from "../summary.js";

/** What the paper reports (27B parameters, Gemma 3), and what came out here, in the same columns. */
export function paperTable(summaries: readonly SetSummary[]): Html {
  const ours = summaries.map(({ title, role, comparison, unionOverDepths }) => {
    const { accuracy, baselineAccuracy, errorReduction, interval, pValue } = comparison;
    return html`<tr><th scope="row">ours: ${title}${role === "harder" ? ", harder" : ""}</th>
<td class="number">${percent(baselineAccuracy)}</td><td class="number">${percent(accuracy)}</td>
<td class="number">${percent(unionOverDepths)}</td><td class="number">${shareText(errorReduction)}</td>
<td class="number">${points(interval.low)} to ${points(interval.high)}</td><td class="number">${pValueText(pValue)}</td></tr>`;
  });
  return html`<div class="scroll"><table>
<thead><tr><th scope="col"></th><th scope="col" class="number">matched baseline</th><th scope="col" class="number">with the stream</th>
<th scope="col" class="number">union over depths 1–4</th><th scope="col" class="number">error reduction</th>
<th scope="col" class="number">points (95%)</th><th scope="col" class="number">p</th></tr></thead>
<tbody>
<tr><th scope="row">paper: GPQA-Diamond, 198 questions</th><td class="number">45.96%</td><td class="number">–</td><td class="number">61.11%</td><td class="number">–</td><td class="number">–</td><td class="number">–</td></tr>
<tr><th scope="row">paper: GSM8K, 1,319 questions</th><td class="number">94.77%</td><td class="number">97.19%</td><td class="number">–</td><td class="number">46%</td><td class="number">–</td><td class="number">–</td></tr>
${ours}
</tbody></table></div>`;
}

export function depthTable(summaries: readonly SetSummary[]): Html {
  const names = summaries[0]?.depths.map(({ name }) => name) ?? [];
  return html`<div class="scroll"><table>
<thead><tr><th scope="col">mean over seeds</th>${names.map((name) => html`<th scope="col" class="number">${name}</th>`)}
<th scope="col" class="number">a probe chooses: accuracy, iterations</th>
<th scope="col" class="number">union (an oracle chooses)</th></tr></thead>
<tbody>
${summaries.map(
  ({ title, depths, probed, unionOverDepths }) =>
    html`<tr><th scope="row">${title}</th>${depths.map(({ accuracy }) => html`<td class="number">${percent(accuracy)}</td>`)}
<td class="number">${probed ? `${percent(probed.accuracy)}, ${probed.iterations.toFixed(2)}` : "–"}</td><td class="number">${percent(unionOverDepths)}</td></tr>`,
)}
</tbody></table></div>`;
}

export function probeTable(runs: readonly SeedResult[]): Html {
  const rows = runs.map(({ seed, probe }) =>
    "missing" in probe
      ? html`<tr><td class="number">${seed}</td><td colspan="5">no probe: ${probe.missing}</td></tr>`
      : html`<tr><td class="number">${seed}</td><td class="number">${probe.samples}</td><td class="number">${percent(probe.surviving)}</td>
<td class="number">${area(probe.probe)}</td><td class="number">${area(probe.surface)}</td><td class="number">${area(probe.maximumProbability)}</td></tr>`,
  );
  return html`<div class="scroll"><table>
<thead><tr><th scope="col" class="number">seed</th><th scope="col" class="number">right at depth 1</th><th scope="col" class="number">survive</th>
<th scope="col" class="number">latent states: AUC</th><th scope="col" class="number">surface of the prompt</th><th scope="col" class="number">maximum probability</th></tr></thead>
<tbody>
${rows}
</tbody></table></div>`;
}

/** A column of a table by seed and set. */
interface Column {
  readonly title: string;
  readonly text: (run: SeedResult, set: QuestionSet) => string;
}

/** Steps are written out for generated problems, losses are taken with a real backbone. */
export function seedTable({ runs, experiment }: Results): Html {
  const columns: readonly Column[] = [
    { title: "number", text: (_, { questions }) => String(questions) },
    { title: "with the stream", text: (_, { depths }) => percent(depths[0]?.accuracy ?? Number.NaN) },
    { title: "baseline", text: (_, { baseline }) => percent(baseline.accuracy) },
    { title: "backbone", text: (_, { backbone }) => percent(backbone) },
    experiment.kind === "generated"
      ? {
          title: "backbone, steps written out",
          text: (_, { backboneWithSteps }) => percent(backboneWithSteps ?? Number.NaN),
        }
      : { title: "loss: stream, baseline, backbone", text: ({ losses }) => lossesText(losses) },
    {
      title: "seconds: stream, baseline",
      text: ({ seconds }) => `${seconds.stream.toFixed(0)}, ${seconds.baseline.toFixed(0)}`,
    },
  ];
  const rows = runs.flatMap((run) =>
    run.sets.map(
      (set) => html`<tr><td class="number">${run.seed}</td><th scope="row">${set.title}</th>
${columns.map(({ text }) => html`<td class="number">${text(run, set)}</td>`)}</tr>`,
    ),
  );
  return html`<div class="scroll"><table>
<thead><tr><th scope="col" class="number">seed</th><th scope="col">questions</th>
${columns.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>
${rows}
</tbody></table></div>`;
}

function lossesText(losses: SeedResult["losses"]): string {
  if (losses === undefined) return "–";
  return [losses.stream, losses.baseline, losses.backbone].map((loss) => loss.toFixed(3)).join(", ");
}

function area({ area: value, interval }: ProbeAssessment["surface"]): string {
  return `${value.toFixed(3)} (${interval.low.toFixed(3)}–${interval.high.toFixed(3)})`;
}

function points(difference: number): string {
  return `${difference < 0 ? "−" : "+"}${Math.abs(100 * difference).toFixed(1)}`;
}

function shareText(share: number | undefined): string {
  return share === undefined ? "–" : `${share < 0 ? "−" : ""}${Math.abs(100 * share).toFixed(0)}%`;
}

function pValueText(value: number): string {
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}
