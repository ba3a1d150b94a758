/** `docs/benchmarks.md` from the latest result of every measurement. */
import type { Machine } from "../machine.js";
import type { Figure, Result, Row, Table, Target } from "../results.js";
import { markdownTable } from "./markdown-table.js";

const introduction = `# Benchmarks

Every figure is measured in the same run as what it is compared with: in each round every engine works once in turn, in a child
process of its own that stays alive and warm, and ratios are formed within a round; what stands here are medians over the rounds.
Answers are compared first, since a fast wrong answer does not count. What cannot be installed or run has a row that says why.
Targets are those that the project has set itself. Made by \`npm run bench\`; how, stands in
[\`tooling/bench\`](../tooling/bench/README.md).
`;

/** @param figureFile where a figure's file is, seen from the page */
export function benchmarksPage(results: readonly Result[], figureFile: (figure: Figure) => string): string {
  return `${[introduction, ...results.map((result) => section(result, figureFile))].join("\n")}`;
}

function section(result: Result, figureFile: (figure: Figure) => string): string {
  const figures = (result.figures ?? []).map((figure) => `![${figure.title}](${figureFile(figure)})\n`);
  return [
    `## ${result.title}\n`,
    `${result.introduction}\n`,
    ...result.tables.flatMap((table) => [`${tableText(table)}\n`, ...(table.note ? [`${table.note}\n`] : [])]),
    ...figures,
    `_${conditions(result)}_\n`,
  ].join("\n");
}

function conditions({ date, machine, processorShare, versions }: Result): string {
  const engines = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const share =
    processorShare === null ? [] : [`processor time by wall time, median of all turns ${figureText(processorShare)}`];
  return [`${date.slice(0, 16).replace("T", " ")} UTC`, machineText(machine), ...share, ...engines].join("; ");
}

function machineText(machine: Machine): string {
  return (
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}; ` +
    `load before ${machine.loadBefore}`
  );
}

function tableText({ title, columns, rows }: Table): string {
  const hasTargets = rows.some(({ target }) => target !== undefined);
  const header = [title, ...columns, ...(hasTargets ? ["target"] : [])];
  return markdownTable(
    header,
    rows.map((row) => [row.label, ...cells(row, columns.length), ...(hasTargets ? [targetText(row, columns)] : [])]),
  );
}

function cells({ values, notRun }: Row, count: number): string[] {
  return Array.from({ length: count }, (_, column) => {
    if (notRun !== undefined) return column === 0 ? `not run: ${oneLine(notRun)}` : "";
    return figureText(values?.[column]);
  });
}

/** Three significant digits; thousands in full. */
export function figureText(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

export function targetText({ target, values }: Row, columns: readonly string[]): string {
  if (target === undefined) return "";
  const asked = columns.flatMap((title, index) =>
    target.column === undefined || target.column === title ? [index] : [],
  );
  const found = asked.flatMap((index) => values?.[index] ?? []);
  const reached = found.filter((value) => reaches(value, target)).length;
  return `${wantedText(target)}: ${verdict(reached, found.length)}`;
}

function reaches(
  value: number,
  { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Target,
): boolean {
  return value >= atLeast && value <= atMost;
}

function wantedText({ atLeast, atMost }: Target): string {
  return [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${Number(atMost.toPrecision(4))}`]
    .filter((text) => text !== false)
    .join(" and ");
}

function verdict(reached: number, of: number): string {
  if (of === 0) return "not measured";
  if (reached === of) return "reached";
  return reached === 0 ? "not reached" : `reached in ${reached} of ${of}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
