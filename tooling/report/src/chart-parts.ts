/** What the charts share: axes, bundles of lines, markers. */
import type { LineSeriesOption, XAXisComponentOption, YAXisComponentOption } from "echarts";
import { meanCurve } from "./statistics.js";
import { colors } from "./svg.js";

export type Point = [x: number, y: number];

export const grid = { left: 46, right: 16, top: 24, bottom: 42 } as const;

const axisLabel = { color: colors.text, fontSize: 12 };
const splitLine = { lineStyle: { color: colors.grid, width: 1 } };
const hidden = { show: false } as const;

/** The look of every axis with a name below or beside it. */
export function axisStyle(name: string, nameGap = 26) {
  return {
    name,
    nameGap,
    nameLocation: "middle" as const,
    nameTextStyle: { color: colors.text, fontSize: 12 },
    axisLabel,
    axisLine: { show: true, lineStyle: { color: colors.grid } },
    axisTick: hidden,
    splitLine: hidden,
  };
}

/** A horizontal axis that labels exactly these values. */
export function labelledAxis(name: string, min: number, max: number, labels: readonly number[]): XAXisComponentOption {
  const style = axisStyle(name);
  return { ...style, type: "value", min, max, axisLabel: { ...style.axisLabel, customValues: [...labels] } };
}

export function valueAxis(
  formatter?: (value: number) => string,
  limits: { max?: number; interval?: number } = {},
): YAXisComponentOption {
  const label = formatter ? { ...axisLabel, formatter } : axisLabel;
  const axis: YAXisComponentOption = {
    type: "value",
    min: 0,
    axisLine: hidden,
    axisTick: hidden,
    splitLine,
    axisLabel: label,
  };
  return Object.assign(axis, limits);
}

export function percentAxis(): YAXisComponentOption {
  return valueAxis((value) => `${value * 100}%`, { max: 1, interval: 0.25 });
}

/** For each variant a thin line per seed and a thick one for the mean, the stream on top. */
export function bundles(baseline: readonly Point[][], stream: readonly Point[][]): LineSeriesOption[] {
  return [
    ...baseline.map((data) => thinLine(data, colors.baseline)),
    ...meanLine(baseline, colors.baseline),
    ...stream.map((data) => thinLine(data, colors.stream)),
    ...meanLine(stream, colors.stream),
  ];
}

export function thinLine(data: Point[], color: string): LineSeriesOption {
  return { ...plainLine(data), lineStyle: { color, width: 1, opacity: 0.5, join: "round" } };
}

export function meanLine(curves: readonly Point[][], color: string): LineSeriesOption[] {
  const longest = curves.reduce<Point[]>((left, right) => (right.length > left.length ? right : left), []);
  if (longest.length === 0) return [];
  const means = meanCurve(curves.map((curve) => curve.map(([, y]) => y)));
  const data = longest.map(([x], index): Point => [x, means[index] as number]);
  return [{ ...plainLine(data), lineStyle: { color, width: 2.75, opacity: 1, join: "round" } }];
}

export function plainLine(data: Point[]): LineSeriesOption {
  return { type: "line", silent: true, showSymbol: false, data };
}

export interface Marker {
  readonly axis: "x" | "y";
  readonly at: number;
  readonly text: string;
}

/** Dashed lines that are not data: chance, the trained length. */
export function markers(lines: readonly Marker[]): LineSeriesOption {
  const data = lines
    .filter(({ at }) => Number.isFinite(at))
    .map(({ axis, at, text }) =>
      axis === "x"
        ? { xAxis: at, label: { position: "end" as const, formatter: text, distance: 4 } }
        : { yAxis: at, label: { position: "insideEndBottom" as const, formatter: text } },
    );
  const label = { color: colors.text, fontSize: 11 };
  const lineStyle = { color: colors.marker, type: [4, 3], width: 1.25 };
  return { type: "line", data: [], markLine: { silent: true, symbol: "none", label, lineStyle, data } };
}

/** Centre and share of each of so many bins. */
export function histogram(values: readonly number[], low: number, high: number, binCount: number): Point[] {
  const width = (high - low) / binCount;
  const bins = Array.from({ length: binCount }, (_, bin): Point => [low + (bin + 0.5) * width, 0]);
  for (const value of values) {
    const bin = bins[Math.min(binCount - 1, Math.floor((value - low) / width))];
    if (bin) bin[1] += 1 / values.length;
  }
  return bins;
}
