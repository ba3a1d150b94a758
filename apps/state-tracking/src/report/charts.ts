/** The charts of one comparison. */
import type { EChartsOption, LineSeriesOption } from "echarts";
import type { RunResult } from "../results.js";
import { accuraciesAt, alphasByLayer, type Comparison, iterationAccuracies } from "./comparisons.js";
import { chartSize, colors, renderSvg } from "./svg.js";
import { mean, meanCurve, percent, quantile } from "./statistics.js";
import { shareUnmovedByIterations } from "./tasks.js";

export interface Chart {
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

type Point = [x: number, y: number];

const grid = { left: 46, right: 16, top: 24, bottom: 42 };
const name = { nameLocation: "middle", nameTextStyle: { color: colors.text, fontSize: 12 } } as const;
const axisLabel = { color: colors.text, fontSize: 12 };
const axisLine = { show: true, lineStyle: { color: colors.grid } };
const splitLine = { lineStyle: { color: colors.grid, width: 1 } };
const percentAxis = {
  type: "value" as const,
  min: 0,
  max: 1,
  interval: 0.25,
  axisLabel: { ...axisLabel, formatter: (value: number) => `${value * 100}%` },
  splitLine,
};

/** Accuracy of each answer of sequences of one length. */
export function positionChart(comparison: Comparison, length: number, id: string): Chart {
  const curves = (runs: readonly RunResult[]) =>
    accuraciesAt(runs, length).map(({ byPosition }) => byPosition.map((accuracy, index): Point => [index + 1, accuracy]));
  const ends = (["stream", "baseline"] as const).map((variant) =>
    percent(mean(accuraciesAt(comparison[variant], length).map(({ last }) => last))),
  );
  const { trainedLength, chance } = comparison;
  const times = length / trainedLength;
  const caption = `Last answer: ${ends[0]} with the stream, ${ends[1]} without.`;
  const label = `Accuracy by position, sequences of ${length}. ${caption} Chance is ${percent(chance)}.`;
  const markers = [horizontal(chance, "chance"), ...(times > 1 ? [vertical(trainedLength, "trained length")] : [])];
  const option: EChartsOption = {
    grid,
    xAxis: {
      ...{ type: "value", min: 1, max: length, interval: length / 4, ...name, name: "position", nameGap: 26 },
      ...{ axisLabel, axisLine, axisTick: { show: false }, splitLine: { show: false } },
    },
    yAxis: percentAxis,
    series: [...bundles(curves(comparison.baseline), curves(comparison.stream)), markerSeries(markers)],
  };
  return { title: `Accuracy at ${times}×, length ${length}`, caption, svg: renderSvg(option, id, label) };
}

/** Training loss of both variants. */
export function lossChart({ stream, baseline, chance }: Comparison, id: string): Chart {
  const curves = (runs: readonly RunResult[]) => runs.map((run) => run.lossCurve.map(({ step, loss }): Point => [step, loss]));
  const final = (runs: readonly RunResult[]) => mean(runs.map((run) => run.lossCurve.at(-1)?.loss ?? Number.NaN));
  const losses = [...stream, ...baseline].flatMap((run) => run.lossCurve.map(({ loss }) => loss));
  const guessing = Math.log(1 / chance);
  const caption = `Last value: ${nats(final(stream))} with the stream, ${nats(final(baseline))} without.`;
  const option: EChartsOption = {
    grid,
    xAxis: {
      ...{ type: "value", min: 0, max: "dataMax", ...name, name: "step", nameGap: 26 },
      ...{ axisLabel: { ...axisLabel, hideOverlap: true }, axisLine, axisTick: { show: false }, splitLine: { show: false } },
    },
    yAxis: { type: "value", min: 0, max: Math.ceil(Math.max(guessing || 0, ...losses) * 4) / 4, axisLabel, splitLine },
    series: [...bundles(curves(baseline), curves(stream)), markerSeries([horizontal(guessing, "guessing")])],
  };
  return { title: "Training loss, nats per answer", caption, svg: renderSvg(option, id, `Training loss. ${caption}`) };
}

/** Accuracy of the last answer by how often its position is iterated. */
export function iterationChart({ stream, task, chance }: Comparison, id: string): Chart | undefined {
  const depths = iterationAccuracies(stream);
  if (depths.length === 0) return undefined;
  const expected = depths.map(({ iterations }) => shareUnmovedByIterations(task, iterations));
  const figures = depths.map(({ accuracies }) => percent(mean(accuracies)));
  const known = expected.every((share) => share !== undefined);
  const caption = `Bars: mean. Dots: seeds.${known ? " Dashes: expected if i iterations compute s·xⁱ." : ""}`;
  const option: EChartsOption = {
    grid,
    xAxis: {
      ...{ type: "category", data: depths.map(({ iterations }) => String(iterations)) },
      ...{ ...name, name: "iterations at the last position", nameGap: 26, axisLabel, axisLine, axisTick: { show: false } },
    },
    yAxis: percentAxis,
    series: [
      {
        ...{ type: "bar", silent: true, barWidth: "52%", itemStyle: { color: colors.stream, opacity: 0.45 } },
        data: depths.map(({ accuracies }) => mean(accuracies)),
      },
      {
        ...{ type: "scatter", silent: true, symbolSize: 7, itemStyle: { color: colors.stream, opacity: 1 } },
        data: depths.flatMap(({ accuracies }, index) => accuracies.map((accuracy): Point => [index, accuracy])),
      },
      {
        ...{ type: "scatter", silent: true, symbol: "rect", symbolSize: [64, 2.5], z: 4, itemStyle: { color: colors.marker, opacity: 1 } },
        data: known ? expected.map((share, index): Point => [index, share as number]) : [],
      },
      markerSeries([horizontal(chance, "chance")]),
    ],
  };
  const label = `Accuracy by iterations at the last position: ${figures.join(", ")}.`;
  return { title: "Accuracy by iterations", caption, svg: renderSvg(option, id, label) };
}

/** How the learned blend factors are spread, a histogram for each layer above the next one's. */
export function alphaChart({ stream }: Comparison, id: string): Chart | undefined {
  const layers = alphasByLayer(stream).filter((alphas) => alphas.length > 0);
  if (layers.length === 0) return undefined;
  const all = layers.flat();
  const low = Math.floor(Math.min(...all) * 100 - 1e-6) / 100;
  const high = Math.max(low + 0.01, Math.ceil(Math.max(...all) * 100 + 1e-6) / 100);
  const medians = layers.map((alphas, layer) => `layer ${layer + 1} ${quantile(alphas, 0.5).toFixed(3)}`);
  const bins = layers.map((alphas) => histogram(alphas, low, high, 30));
  const top = Math.max(...bins.flat().map(([, share]) => share));
  const height = (chartSize.height - grid.top - grid.bottom) / layers.length;
  const option: EChartsOption = {
    grid: layers.map((_, layer) => ({ ...grid, top: grid.top + layer * height + 6, height: height - 12 })),
    xAxis: layers.map((_, layer) => ({
      ...{ type: "value", gridIndex: layer, min: low, max: high, splitLine: { show: false }, axisTick: { show: false } },
      ...{ ...name, name: layer === layers.length - 1 ? "α" : "", nameGap: 26, axisLine },
      axisLabel: { ...axisLabel, show: layer === layers.length - 1, formatter: (value: number) => `${+value.toFixed(4)}` },
    })),
    yAxis: layers.map((_, layer) => ({
      ...{ type: "value", gridIndex: layer, min: 0, max: top * 1.05, axisLabel: { show: false }, splitLine: { show: false } },
      ...{ ...name, name: `layer ${layer + 1}`, nameGap: 12 },
    })),
    series: bins.map((data, layer): LineSeriesOption => ({
      ...{ type: "line", step: "middle", silent: true, showSymbol: false, xAxisIndex: layer, yAxisIndex: layer, data },
      ...{ lineStyle: { color: colors.stream, width: 1.5 }, areaStyle: { color: colors.stream, opacity: 0.35 } },
    })),
  };
  const caption = `Share of dimensions. Median: ${medians.join(", ")}.`;
  return { title: "Learned α per layer", caption, svg: renderSvg(option, id, `Learned alpha per layer. ${caption}`) };
}

/** Centre and share of each bin. */
function histogram(values: readonly number[], low: number, high: number, binCount: number): Point[] {
  const width = (high - low) / binCount;
  const bins = Array.from({ length: binCount }, (_, bin): Point => [low + (bin + 0.5) * width, 0]);
  for (const value of values) {
    const bin = bins[Math.min(binCount - 1, Math.floor((value - low) / width))];
    if (bin) bin[1] += 1 / values.length;
  }
  return bins;
}

/** For each variant a thin line per seed and a thick one for the mean, the stream on top. */
function bundles(baseline: readonly Point[][], stream: readonly Point[][]): LineSeriesOption[] {
  return [
    ...baseline.map((data) => line(data, colors.baseline, 1)),
    ...meanLine(baseline, colors.baseline),
    ...stream.map((data) => line(data, colors.stream, 1)),
    ...meanLine(stream, colors.stream),
  ];
}

function meanLine(curves: readonly Point[][], color: string): LineSeriesOption[] {
  const longest = curves.reduce<Point[]>((left, right) => (right.length > left.length ? right : left), []);
  const means = meanCurve(curves.map((curve) => curve.map(([, y]) => y)));
  return longest.length > 0 ? [line(longest.map(([x], index): Point => [x, means[index] as number]), color, 2.75)] : [];
}

function line(data: Point[], color: string, width: number): LineSeriesOption {
  const opacity = width > 1 ? 1 : 0.5;
  return { type: "line", silent: true, showSymbol: false, data, lineStyle: { color, width, opacity, join: "round" } };
}

function horizontal(yAxis: number, formatter: string) {
  return { yAxis, label: { position: "insideEndBottom" as const, formatter } };
}

function vertical(xAxis: number, formatter: string) {
  return { xAxis, label: { position: "end" as const, formatter, distance: 4 } };
}

/** Lines that are not data: chance, the trained length. */
function markerSeries(data: (ReturnType<typeof horizontal> | ReturnType<typeof vertical>)[]): LineSeriesOption {
  const label = { color: colors.text, fontSize: 11 };
  const lineStyle = { color: colors.marker, type: [4, 3], width: 1.25 };
  return { type: "line", data: [], markLine: { silent: true, symbol: "none", label, lineStyle, data } };
}

function nats(loss: number): string {
  return Number.isFinite(loss) ? loss.toFixed(3) : "–";
}
