/** The charts of one comparison. */

import {
  axisStyle,
  bundles,
  type Chart,
  chartSize,
  colors,
  grid,
  histogram,
  labelledAxis,
  markers,
  mean,
  type Point,
  percent,
  percentAxis,
  plainLine,
  quantile,
  renderSvg,
  valueAxis,
} from "@sst/report";
import type { ScatterSeriesOption } from "echarts";
import type { RunResult } from "../results.js";
import { accuraciesAt, alphasByLayer, type Comparison, iterationAccuracies } from "./comparisons.js";
import { shareUnmovedByIterations } from "./tasks.js";

/** Accuracy of each answer of sequences of one length. */
export function positionChart(comparison: Comparison, length: number, id: string): Chart {
  const { trainedLength, chance, stream, baseline } = comparison;
  const curves = (runs: readonly RunResult[]) =>
    accuraciesAt(runs, length).map(({ byPosition }) =>
      byPosition.map((accuracy, index): Point => [index + 1, accuracy]),
    );
  const last = (runs: readonly RunResult[]) =>
    percent(mean(accuraciesAt(runs, length).map((accuracy) => accuracy.last)));
  const times = length / trainedLength;
  const caption = `Last answer: ${last(stream)} with, ${last(baseline)} without.`;
  const label = `Accuracy by position in sequences of ${length}, with and without the stream. ${caption} Chance: ${percent(chance)}.`;
  const trained = times > 1 ? [{ axis: "x", at: trainedLength, text: "trained length" } as const] : [];
  const labels = [1, ...[1, 2, 3, 4].map((quarter) => Math.round((quarter * length) / 4))];
  const option = {
    grid,
    xAxis: labelledAxis("position", 1, Math.max(2, length), labels),
    yAxis: percentAxis(),
    series: [
      ...bundles(curves(baseline), curves(stream)),
      markers([{ axis: "y", at: chance, text: "chance" }, ...trained]),
    ],
  };
  return { title: `Accuracy at ${times}×, length ${length}`, caption, svg: renderSvg(option, id, label) };
}

/** Training loss of both variants. */
export function lossChart({ stream, baseline, chance }: Comparison, id: string): Chart {
  const curves = (runs: readonly RunResult[]) =>
    runs.map((run) => run.lossCurve.map(({ step, loss }): Point => [step, loss]));
  const last = (runs: readonly RunResult[]) => nats(mean(runs.map((run) => run.lossCurve.at(-1)?.loss ?? Number.NaN)));
  const steps = Math.max(1, ...[...stream, ...baseline].map((run) => run.steps));
  const caption = `At the end: ${last(stream)} with, ${last(baseline)} without.`;
  const labels = [0, 1, 2, 3, 4].map((quarter) => Math.round((quarter * steps) / 4));
  const option = {
    grid,
    xAxis: labelledAxis("step", 0, steps, labels),
    yAxis: valueAxis(),
    series: [
      ...bundles(curves(baseline), curves(stream)),
      markers([{ axis: "y", at: Math.log(1 / chance), text: "guessing" }]),
    ],
  };
  const label = `Training loss with and without the stream. ${caption}`;
  return { title: "Training loss, nats per answer", caption, svg: renderSvg(option, id, label) };
}

/** Accuracy of the last answer by how often its position is iterated. */
export function iterationChart({ stream, task, chance }: Comparison, id: string): Chart | undefined {
  const depths = iterationAccuracies(stream);
  if (depths.length === 0) return undefined;
  const means = depths.map(({ accuracies }) => mean(accuracies));
  const seeds = depths.flatMap(({ accuracies }, index) => accuracies.map((accuracy): Point => [index, accuracy]));
  const expected = depths.flatMap(({ iterations }, index): Point[] => {
    const share = shareUnmovedByIterations(task, iterations);
    return share === undefined ? [] : [[index, share]];
  });
  const dots: ScatterSeriesOption = {
    type: "scatter",
    silent: true,
    symbolSize: 7,
    itemStyle: { color: colors.stream, opacity: 1 },
  };
  const strokes: ScatterSeriesOption = { type: "scatter", silent: true, symbol: "rect", symbolSize: [64, 2.5], z: 4 };
  const option = {
    grid,
    xAxis: {
      ...axisStyle("iterations at the last position"),
      type: "category" as const,
      data: depths.map(({ iterations }) => String(iterations)),
    },
    yAxis: percentAxis(),
    series: [
      {
        type: "bar" as const,
        silent: true,
        barWidth: "52%",
        itemStyle: { color: colors.stream, opacity: 0.45 },
        data: means,
      },
      { ...strokes, itemStyle: { color: colors.text, opacity: 1 }, data: expected },
      { ...dots, data: seeds },
      markers([{ axis: "y", at: chance, text: "" }]),
    ],
  };
  const strokesCaption = expected.length > 0 ? " Strokes: what i iterations would give if they computed s·xⁱ." : "";
  const label = `Accuracy of the last answer by iterations at its position: ${means.map(percent).join(", ")}.`;
  const caption = `Bars: mean. Dots: seeds.${strokesCaption}`;
  return { title: "Accuracy by iterations, with the stream", caption, svg: renderSvg(option, id, label) };
}

/** How the learned blend factors are spread: a histogram for each layer, one below the other. */
export function alphaChart({ stream }: Comparison, id: string): Chart | undefined {
  const layers = alphasByLayer(stream).filter((alphas) => alphas.length > 0);
  if (layers.length === 0) return undefined;
  const low = Math.floor(Math.min(...layers.flat()) * 100 + 1e-6) / 100;
  const high = Math.max(low + 0.01, Math.ceil(Math.max(...layers.flat()) * 100 - 1e-6) / 100);
  const bins = layers.map((alphas) => histogram(alphas, low, high, 30));
  const top = 1.05 * Math.max(...bins.flat().map(([, share]) => share));
  const height = (chartSize.height - grid.top - grid.bottom) / layers.length;
  const labels = [0, 1, 2, 3, 4].map((quarter) => low + (quarter * (high - low)) / 4);
  const option = {
    grid: layers.map((_, layer) => ({ ...grid, top: grid.top + layer * height + 6, height: height - 12 })),
    xAxis: layers.map((_, layer) => {
      const lowest = layer === layers.length - 1;
      const axis = labelledAxis(lowest ? "α" : "", low, high, lowest ? labels : []);
      const axisLabel = { ...axis.axisLabel, show: lowest, formatter: (value: number) => `${+value.toFixed(4)}` };
      return Object.assign(axis, { gridIndex: layer, axisLabel });
    }),
    yAxis: layers.map((_, layer) => {
      const style = { ...axisStyle(`layer ${layer + 1}`, 14), axisLabel: { show: false } };
      return { ...style, type: "value" as const, gridIndex: layer, min: 0, max: top };
    }),
    series: bins.map((data, layer) => ({
      ...plainLine(data),
      ...{ step: "middle" as const, xAxisIndex: layer, yAxisIndex: layer },
      ...{ lineStyle: { color: colors.stream, width: 1.5 }, areaStyle: { color: colors.stream, opacity: 0.35 } },
    })),
  };
  const medians = layers.map((alphas, layer) => `${quantile(alphas, 0.5).toFixed(3)} in layer ${layer + 1}`);
  const caption = `Share of dimensions, all seeds. Median ${medians.join(", ")}.`;
  return { title: "Learned α per layer", caption, svg: renderSvg(option, id, `Learned alpha per layer. ${caption}`) };
}

function nats(loss: number): string {
  return Number.isFinite(loss) ? loss.toFixed(3) : "–";
}
