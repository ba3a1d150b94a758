/** What an evaluation found, as an object and as a table. */
import {
  bootstrapMean,
  type Comparison,
  compare,
  type Evaluation,
  type EvaluationRow,
  type Interval,
  type PerplexityRow,
} from "@sst/eval";
import Table from "cli-table3";

interface ReportRow extends Omit<EvaluationRow, "verdicts"> {
  readonly interval: Interval;
  readonly comparison?: Comparison;
}

export interface EvaluationResult {
  readonly benchmark: string;
  readonly questions: number;
  readonly rows: readonly ReportRow[];
  /** Not an accuracy of the model: the share of questions that at least one depth answers right. */
  readonly unionOverDepths?: Pick<ReportRow, "interval" | "comparison"> & { readonly share: number };
  readonly baseline?: ReportRow;
}

export function evaluationResult(
  { benchmark, questions, depths, policies, unionOverDepths }: Evaluation,
  baseline: Evaluation | undefined,
  seed: number,
): EvaluationResult {
  const [baselineRow] = baseline?.depths ?? [];
  const judged = (verdicts: readonly boolean[]) => ({
    interval: bootstrapMean(verdicts.map(Number), { seed }),
    ...(baselineRow && { comparison: compare(verdicts, baselineRow.verdicts, { seed }) }),
  });
  const rowOf = ({ verdicts, ...figures }: EvaluationRow) => ({ ...figures, ...judged(verdicts) });
  return {
    benchmark,
    questions,
    rows: [...depths, ...policies].map(rowOf),
    ...(unionOverDepths && {
      unionOverDepths: { share: unionOverDepths.share, ...judged(unionOverDepths.verdicts) },
    }),
    ...(baselineRow && { baseline: besideItself(rowOf(baselineRow)) }),
  };
}

/** The baseline is not compared with itself. */
function besideItself({ comparison, ...row }: ReportRow): ReportRow {
  return row;
}

export function evaluationTable({ benchmark, questions, rows, unionOverDepths, baseline }: EvaluationResult): string {
  const beside = baseline === undefined ? [] : ["difference", "95 % interval", "p", "error reduction"];
  const table = new Table({
    head: ["", "accuracy", "95 % interval", "iterations", "tokens", "GFLOP", ...beside],
    style: { head: [], border: [] },
  });
  const compared = (comparison: Comparison | undefined) =>
    comparison ? comparisonCells(comparison) : beside.map(() => "");
  const cells = ({ name, accuracy, interval, iterations, newTokens, flops, comparison }: ReportRow) => [
    ...[name, percent(accuracy), range(interval), iterations.toFixed(2), newTokens.toFixed(1), gigas(flops)],
    ...compared(comparison),
  ];
  for (const row of rows) table.push(cells(row));
  if (baseline) table.push(cells({ ...baseline, name: "baseline" }));
  const union = unionOverDepths && [
    `union over depths: ${percent(unionOverDepths.share)} (${range(unionOverDepths.interval)}) of the questions are answered ` +
      "right at some depth; which one, the model does not say, so this is no accuracy",
    ...(unionOverDepths.comparison
      ? [`union over depths beside the baseline: ${inWords(unionOverDepths.comparison)}`]
      : []),
  ];
  return [`${benchmark}, ${questions} questions`, table.toString(), ...(union ?? [])].join("\n");
}

function inWords(comparison: Comparison): string {
  const [difference, interval, pValue, reduction] = comparisonCells(comparison);
  return `${difference} (${interval}), p = ${pValue}, error reduction ${reduction}`;
}

function comparisonCells({ difference, interval, pValue, errorReduction }: Comparison): string[] {
  return [
    `${difference >= 0 ? "+" : ""}${percent(difference)}`,
    range(interval),
    pValue < 0.001 ? pValue.toExponential(1) : pValue.toFixed(3),
    errorReduction === undefined ? "baseline without errors" : percent(errorReduction),
  ];
}

export interface PerplexityResult {
  readonly rows: readonly Omit<PerplexityRow, "windows">[];
  readonly baseline?: Omit<PerplexityRow, "windows">;
  /** By depth: the loss minus the baseline's, nats per token, with an interval over windows. */
  readonly differences?: readonly { readonly mean: number; readonly interval: Interval }[];
}

export function perplexityResult(
  rows: readonly PerplexityRow[],
  baseline: PerplexityRow | undefined,
  seed: number,
): PerplexityResult {
  const withoutWindows = ({ windows, ...row }: PerplexityRow) => row;
  const differences = rows.map(({ windows, loss }) => {
    const byWindow = windows.map((value, index) => value - (baseline?.windows[index] ?? 0));
    return { mean: loss - (baseline?.loss ?? 0), interval: bootstrapMean(byWindow, { seed }) };
  });
  return {
    rows: rows.map(withoutWindows),
    ...(baseline && { baseline: withoutWindows(baseline), differences }),
  };
}

export function perplexityTable({ rows, baseline, differences }: PerplexityResult): string {
  const beside = differences === undefined ? [] : ["nats beside the baseline", "95 % interval"];
  const table = new Table({
    head: ["", "perplexity", "nats per token", "tokens", "GFLOP per token", ...beside],
    style: { head: [], border: [] },
  });
  const cells = (name: string, { perplexity, loss, tokens, flops }: PerplexityResult["rows"][number]) => [
    ...[name, perplexity.toFixed(4), loss.toFixed(4), String(tokens), gigas(flops)],
  ];
  for (const [index, row] of rows.entries()) {
    const difference = differences?.[index];
    const compared = difference && [
      `${difference.mean >= 0 ? "+" : ""}${difference.mean.toFixed(4)}`,
      `${difference.interval.low.toFixed(4)} to ${difference.interval.high.toFixed(4)}`,
    ];
    table.push([...cells(`depth ${row.depth}`, row), ...(compared ?? [])]);
  }
  if (baseline) table.push([...cells("baseline", baseline), "", ""]);
  return table.toString();
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function range({ low, high }: Interval): string {
  return `${(100 * low).toFixed(2)} to ${(100 * high).toFixed(2)} %`;
}

function gigas(flops: number): string {
  return (flops / 1e9).toPrecision(3);
}
