/**
 * The page of the policies and its pictures, from the lines that `measure.js` wrote:
 * `node dist/policies/page.js ../../docs/experiments/policies.jsonl ../../docs`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "@sst/report";
import { studyChart } from "./chart.js";
import type { StudyResult } from "./result.js";
import { studies } from "./studies.js";

const [file, folder] = process.argv.slice(2) as [string, string];
const results = readFileSync(file, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line) as StudyResult);

for (const { name, maxima } of studies) {
  const result = results.find(({ study }) => study === name);
  if (result) await writeWhole(join(folder, `deliberation-${name}.svg`), studyChart(result, maxima[0] as number, name));
}
