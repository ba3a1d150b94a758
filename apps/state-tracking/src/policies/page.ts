/**
 * The page of the policies and its pictures, from the lines that `measure.js` wrote:
 * `node dist/policies/page.js ../../docs/experiments/policies.jsonl ../../docs`.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "@sst/report";
import { studyChart } from "./chart.js";
import type { PolicyRow, StudyResult } from "./result.js";
import type { Family } from "./settings.js";
import { type Study, studies } from "./studies.js";
import {
  allNote,
  costs,
  familyNames,
  introduction,
  maximumHeading,
  maximumVerdict,
  type StudyText,
  studyTexts,
} from "./texts.js";

/** So much accuracy less than at the trained depth still counts as reaching it. */
const REACHED = 0.01;

const [file, folder] = process.argv.slice(2) as [string, string];
const results = new Map(
  readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StudyResult)
    .map((result) => [result.study, result]),
);
const measured = studies.flatMap((study) => {
  const result = results.get(study.name);
  return result ? [{ study, result }] : [];
});

mkdirSync(join(folder, "deliberation"), { recursive: true });
for (const { study, result } of measured) {
  const picture = studyChart(result, study.maxima[0] as number, textOf(study).title);
  await writeWhole(join(folder, "deliberation", `${study.name}.svg`), picture);
}
await writeWhole(
  join(folder, "deliberation.md"),
  `# Deliberation: accuracy against cost

${introduction}

${measured.map(section).join("\n\n")}

${maximumHeading}

${measured
  .filter(({ study }) => study.maxima.length > 1)
  .map(beyond)
  .join("\n\n")}

${maximumVerdict}

${costs(measured.map(({ result }) => result))}

## All settings

${allNote}

${measured.map(allSettings).join("\n\n")}
`,
);

interface Measured {
  readonly study: Study;
  readonly result: StudyResult;
}

function textOf({ name }: Pick<Study, "name">): StudyText {
  const text = studyTexts[name];
  if (text === undefined) throw new Error(`there is no text about ${name}`);
  return text;
}

function section({ study, result }: Measured): string {
  const { title, text, verdict } = textOf(study);
  const maximum = study.maxima[0] as number;
  return `## ${title}

${text}

![${title}: accuracy against mean iterations and against floating-point operations per answer, a line for each policy; the figures are in the tables](deliberation/${study.name}.svg)

${choices(result, maximum)}
${byNeeded(result, maximum)}
${verdict(result)}`;
}

/** Of each policy one setting: the cheapest that reaches the trained depth's accuracy, or else the most accurate. */
function choices(result: StudyResult, maximum: number): string {
  const [reference, ...chosen] = chosenRows(result, maximum);
  const lines = [reference, ...chosen].map((row) => [
    policyName(row),
    ...[share(row.accuracy), range(row.interval), row.iterations.toFixed(2), megas(row.flops)],
    `${((100 * row.flops) / reference.flops).toFixed(0)} %`,
    row.difference.mean < -REACHED ? "no" : "yes",
  ]);
  const head = [
    "policy",
    "accuracy",
    "95 %",
    "iterations",
    "MFLOP",
    `of \`fixed(${result.trainedDepth})\``,
    "reaches it",
  ];
  return table(head, lines);
}

/** `fixed` at the trained depth, and of each other policy its choice. */
function chosenRows({ rows, trainedDepth }: StudyResult, maximum: number): [PolicyRow, ...PolicyRow[]] {
  const reference = rows.find(({ family, setting }) => family === "fixed" && setting === String(trainedDepth));
  if (reference === undefined) throw new Error(`no row is of ${trainedDepth} iterations, as in training`);
  const chosen = familiesOf(rows).flatMap((family) => choice(rows, family, maximum) ?? []);
  return [reference, ...chosen];
}

function familiesOf(rows: readonly PolicyRow[]): Family[] {
  return [...new Set(rows.map(({ family }) => family))].filter((family) => family !== "fixed");
}

/** How the same settings deal with questions that need more or fewer iterations; empty where all need one. */
function byNeeded(result: StudyResult, maximum: number): string {
  const rows = chosenRows(result, maximum);
  const needed = rows[0].byNeeded.map((each) => each.needed);
  if (needed.length < 2) return "";
  const lines = rows.map((row) => [
    policyName(row),
    ...row.byNeeded.map(({ accuracy, iterations }) => `${iterations.toFixed(2)}, ${accuracy.toFixed(3)}`),
  ]);
  const { unit = "iteration" } = textOf({ name: result.study });
  const head = ["iterations and accuracy", ...needed.map((count) => `${count} ${unit}${count === 1 ? "" : "s"}`)];
  return `\n${table(head, lines)}\n`;
}

function choice(rows: readonly PolicyRow[], family: Family, maximum: number): PolicyRow | undefined {
  const own = rows.filter((row) => row.family === family && row.maximum === maximum);
  const reaching = own.filter(({ difference }) => difference.mean >= -REACHED);
  const cheapest = reaching.toSorted((left, right) => left.flops - right.flops)[0];
  return cheapest ?? own.toSorted((left, right) => right.accuracy - left.accuracy || left.flops - right.flops)[0];
}

/** The settings that were best with the trained depth as the maximum, with twice as many. */
function beyond({ study, result }: Measured): string {
  const [trained, doubled] = study.maxima as [number, number];
  const { rows } = result;
  const lines = familiesOf(rows).flatMap((family) => {
    const chosen = choice(rows, family, trained);
    const same = rows.find(
      (row) => row.family === family && row.setting === chosen?.setting && row.maximum === doubled,
    );
    if (chosen === undefined || same === undefined) return [];
    const cells = ({ accuracy, iterations }: PolicyRow) => [share(accuracy), iterations.toFixed(2)];
    const parts = same.byNeeded.map(({ accuracy }) => accuracy.toFixed(2)).join(", ");
    return [[policyName(chosen), ...cells(chosen), ...cells(same), parts]];
  });
  const head = [
    textOf(study).title,
    ...[`maximum ${trained}: accuracy`, "iterations", `maximum ${doubled}: accuracy`, "iterations"],
    `accuracy by ${textOf(study).unit ?? "iteration"}s`,
  ];
  return table(head, lines);
}

function allSettings({ study, result }: Measured): string {
  const { seeds, questions, promptFlops, trainedDepth, fittedProbes, rows } = result;
  const lines = rows.map((row) => [
    policyName(row),
    String(row.maximum),
    ...[share(row.accuracy), range(row.interval), row.accuracyBySeed.map((accuracy) => accuracy.toFixed(2)).join(", ")],
    `${signed(row.difference.mean)} (${row.difference.interval.map(signed).join(" to ")})`,
    ...[row.iterations.toFixed(2), megas(row.flops), row.durationMs.toFixed(2)],
  ]);
  const head = [
    ...["policy", "maximum", "accuracy", "95 %", "by seed", `less \`fixed(${trainedDepth})\``],
    ...["iterations", "MFLOP", "ms"],
  ];
  return `### ${textOf(study).title}

Seeds ${seeds.join(", ")}, ${questions} questions each. Reading a prompt up to its last position costs ${megas(promptFlops)} MFLOP beside. A survival
probe could be fitted for ${fittedProbes.survival} of the models, a gain probe for ${fittedProbes.gain}.

${table(head, lines)}`;
}

function policyName({ family, setting }: PolicyRow): string {
  return family === "fixed" ? `\`fixed(${setting})\`` : `${familyNames[family]}, ${setting}`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index === 0 ? "---" : "--:"));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function share(value: number): string {
  return value.toFixed(3);
}

function range([low, high]: readonly [number, number]): string {
  return `${low.toFixed(3)}–${high.toFixed(3)}`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

function megas(flops: number): string {
  return (flops / 1e6).toFixed(3);
}
