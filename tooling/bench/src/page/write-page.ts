/** The page and its figures, on disk. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../results.js";
import { growthChart } from "./growth-chart.js";
import { benchmarksPage } from "./page.js";

const figureFolder = "benchmarks";

/** @returns the page's file */
export function writePage(docs: string, results: readonly Result[]): string {
  mkdirSync(join(docs, figureFolder), { recursive: true });
  for (const figure of results.flatMap(({ figures }) => figures ?? [])) {
    writeFileSync(join(docs, figureFolder, `${figure.name}.svg`), growthChart(figure));
  }
  const file = join(docs, "benchmarks.md");
  writeFileSync(
    file,
    benchmarksPage(results, ({ name }) => `${figureFolder}/${name}.svg`),
  );
  return file;
}
