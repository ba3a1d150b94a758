/** Accuracy against cost, a line for each policy: one picture of a study, by itself fit for any page. */
import { axisStyle, colors, type Point, percentAxis, svgFile } from "@sst/report";
import type { EChartsOption, LineSeriesOption } from "echarts";
import type { PolicyRow, StudyResult } from "./result.js";
import type { Family } from "./settings.js";

const looks: Readonly<Record<Family, { readonly color: string; readonly symbol: string }>> = {
  fixed: { color: colors.baseline, symbol: "circle" },
  untilConverged: { color: colors.stream, symbol: "diamond" },
  "untilDecided, entropy": { color: colors.defined, symbol: "triangle" },
  "untilDecided, change": { color: colors.fourth, symbol: "rect" },
  "probed, survival": { color: colors.fifth, symbol: "path://M0,0L10,0L5,10Z" },
  "probed, gain": { color: colors.sixth, symbol: "roundRect" },
  custom: { color: colors.text, symbol: "ring" },
};

const panels = [
  { name: "iterations per answer, mean", costOf: ({ iterations }: PolicyRow) => iterations },
  { name: "MFLOP per answer, mean", costOf: ({ flops }: PolicyRow) => flops / 1e6 },
] as const;

/** The rows of one maximum, and all fixed depths. */
export function studyChart(result: StudyResult, maximum: number, title: string): string {
  const rows = result.rows.filter((row) => row.family === "fixed" || row.maximum === maximum);
  const families = (Object.keys(looks) as Family[]).filter((family) => rows.some((row) => row.family === family));
  const grids = [
    { left: 56, right: "52%", top: 84, bottom: 46 },
    { left: "54%", right: 20, top: 84, bottom: 46 },
  ];
  const option: EChartsOption = {
    // In columns: without a browser the width of a text is a guess, too poor to set one name after the other.
    legend: families.map((family, index) => ({
      ...{ left: 52 + 210 * (index % 4), top: 6 + 22 * Math.floor(index / 4), itemWidth: 26, itemHeight: 9 },
      ...{ data: [family], textStyle: { color: colors.text, fontSize: 12 } },
    })),
    grid: grids,
    xAxis: panels.map(({ name }, gridIndex) => ({ ...axisStyle(name), gridIndex, type: "value", min: 0 })),
    yAxis: panels.map((_, gridIndex) => ({ ...percentAxis(), ...accuracyName(gridIndex), gridIndex })) as never,
    series: panels.flatMap(({ costOf }, panel) =>
      families.flatMap((family) =>
        line(
          rows.filter((row) => row.family === family),
          costOf,
          panel,
        ),
      ),
    ),
  };
  const label = `${title}: accuracy against mean iterations and floating-point operations per answer, by policy.`;
  return svgFile(option, result.study, label, { width: 900, height: 420 });
}

function accuracyName(panel: number) {
  const { nameTextStyle } = axisStyle("");
  return panel === 0 ? { name: "accuracy", nameLocation: "end" as const, nameGap: 12, nameTextStyle } : {};
}

/** The settings of a policy by their cost, each with its interval. */
function line(rows: readonly PolicyRow[], costOf: (row: PolicyRow) => number, panel: number): LineSeriesOption[] {
  const { family } = rows[0] as PolicyRow;
  const { color, symbol } = looks[family];
  const sorted = [...rows].sort((left, right) => costOf(left) - costOf(right));
  const place = { xAxisIndex: panel, yAxisIndex: panel, silent: true } as const;
  const isFixed = family === "fixed";
  const points: LineSeriesOption = {
    ...{ ...place, type: "line", name: family, showAllSymbol: true, z: isFixed ? 2 : 3 },
    ...(symbol === "ring"
      ? { symbol: "circle", symbolSize: 12, itemStyle: { color: "transparent", borderColor: color, borderWidth: 2 } }
      : { symbol, symbolSize: 8, itemStyle: { color, opacity: 1 } }),
    lineStyle: { color, width: isFixed ? 2.5 : 1.5, opacity: isFixed ? 0.6 : 0.9, ...(!isFixed && { type: [4, 3] }) },
    data: sorted.map((row) => [costOf(row), row.accuracy]),
    ...(isFixed && {
      label: {
        ...{ show: true, position: "right", offset: [0, 9], color: colors.text, fontSize: 11 },
        formatter: ({ dataIndex }) => sorted[dataIndex]?.setting ?? "",
      },
    }),
  };
  const intervals = sorted.map(
    (row): LineSeriesOption => ({
      ...{ ...place, type: "line", showSymbol: false, z: 1 },
      lineStyle: { color, width: 1, opacity: 0.55 },
      data: row.interval.map((accuracy): Point => [costOf(row), accuracy]),
    }),
  );
  return [...intervals, points];
}
