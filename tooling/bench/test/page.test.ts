import { describe, expect, test } from "vitest";
import { growthChart } from "../src/page/growth-chart.js";
import { markdownTable } from "../src/page/markdown-table.js";
import { benchmarksPage, figureText, targetText } from "../src/page/page.js";
import type { Figure, Result } from "../src/results.js";

const figure: Figure = {
  name: "growth-time",
  title: "Training step, by T",
  xAxis: "T",
  yAxis: "times the smallest",
  curves: [
    {
      label: "time",
      points: [
        [64, 1],
        [128, 2.5],
      ],
      theory: [
        [64, 1],
        [128, 2],
      ],
    },
  ],
};

const result: Result = {
  measurement: "decode",
  title: "Decoding",
  date: "2026-01-02T03:04:05.000Z",
  machine: { processor: "A", cores: 2, memoryGiB: 4, node: "24.0.0", platform: "linux x64", loadBefore: 0.1 },
  processorShare: 0.987,
  versions: { peer: "1.2.3" },
  introduction: "What was measured.",
  tables: [
    {
      title: "Model",
      columns: ["tokens/s", "ratio"],
      rows: [
        { label: "ours", values: [1234.5, 1] },
        { label: "fast", values: [100, 12.345], target: { atLeast: 1, column: "ratio" } },
        { label: "absent", notRun: "no such\nprogram" },
      ],
    },
  ],
  figures: [figure],
};

describe("the page", () => {
  const page = benchmarksPage([result], ({ name }) => `figures/${name}.svg`);

  test("has a row for every engine, with values, targets and reasons", () => {
    expect(page).toContain("## Decoding");
    expect(page).toMatch(/\| ours +\| 1,235 +\| 1 +\| +\|/);
    expect(page).toMatch(/\| fast +\| 100 +\| 12\.3 +\| ≥ 1: reached \|/);
    expect(page).toMatch(/\| absent +\| not run: no such program \|/);
  });

  test("says on what was measured, and shows the figures", () => {
    expect(page).toContain("2026-01-02 03:04 UTC; A, 2 cores, 4 GiB, linux x64, Node 24.0.0");
    expect(page).toContain("peer 1.2.3");
    expect(page).toContain("0.987");
    expect(page).toContain("![Training step, by T](figures/growth-time.svg)");
  });
});

test("figures have three significant digits, thousands all of theirs", () => {
  expect([0.012345, 1.2345, 123.45, 1234.5, 1e6].map(figureText)).toEqual([
    "0.0123",
    "1.23",
    "123",
    "1,235",
    "1,000,000",
  ]);
  expect([null, undefined, Number.NaN].map(figureText)).toEqual(["–", "–", "–"]);
});

describe("a target", () => {
  const columns = ["a", "b"];

  test("is one column's or every column's", () => {
    expect(targetText({ label: "", values: [1, 2], target: { atLeast: 1.5 } }, columns)).toBe(
      "≥ 1.5: reached in 1 of 2",
    );
    expect(targetText({ label: "", values: [1, 2], target: { atLeast: 1.5, column: "b" } }, columns)).toBe(
      "≥ 1.5: reached",
    );
    expect(targetText({ label: "", values: [1, 2], target: { atMost: 0.5 } }, columns)).toBe("≤ 0.5: not reached");
  });

  test("of what was not measured is not reached in silence", () => {
    expect(targetText({ label: "", notRun: "gone", target: { atLeast: 1 } }, columns)).toBe("≥ 1: not measured");
    expect(targetText({ label: "", values: [null, null], target: { atLeast: 1 } }, columns)).toBe("≥ 1: not measured");
  });
});

test("tables are aligned, and a bar in a cell stays in its cell", () => {
  expect(markdownTable(["a", "wide"], [["x|y", "³"]])).toBe(
    ["| a    | wide |", "| ---- | ---- |", "| x\\|y | ³    |"].join("\n"),
  );
});

test("a growth chart is a picture with its curves, those in theory dashed", () => {
  const svg = growthChart(figure);
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  for (const text of ["time", "times the smallest"]) expect(svg).toContain(`>${text}<`);
  expect(svg).toContain("stroke-dasharray");
  expect(svg).toContain("<title>Training step, by T</title>");
  expect(growthChart(figure)).toBe(svg);
});
