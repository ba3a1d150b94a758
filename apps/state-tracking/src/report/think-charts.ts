/** Accuracy by number of iterations. */

import {
  type Chart,
  colors,
  grid,
  labelledAxis,
  markers,
  mean,
  meanLine,
  type Point,
  percent,
  percentAxis,
  plainLine,
  renderSvg,
  thinLine,
} from "@sst/report";
import type { LineSeriesOption } from "echarts";
import type { ThinkResult } from "../think-longer/result.js";
import { oneHopEach, type Thinking } from "./think-comparisons.js";

/** Questions as in training. */
export function depthChart(thinking: Thinking, id: string): Chart {
  const { hops } = thinking;
  const byDepth = ({ accuracyByDepth }: ThinkResult) => accuracyByDepth;
  const reached = thinking.runs.recirculation.map((run) => run.accuracyByDepth[hops - 1] ?? Number.NaN);
  return {
    title: `Questions for 1 to ${hops} hops`,
    caption: `With recirculation ${percent(mean(reached))} after ${hops} iterations, as many as in training.`,
    svg: chart(thinking, byDepth, { from: 1, to: hops }, id, `Accuracy by number of iterations, 1 to ${hops} hops.`),
  };
}

/** More hops than training asked for. */
export function beyondChart(thinking: Thinking, id: string): Chart {
  const { from, to } = thinking.runs.recirculation[0]?.beyond ?? { from: thinking.hops + 1, to: thinking.hops + 1 };
  const byDepth = ({ beyond }: ThinkResult) => beyond.accuracyByDepth;
  return {
    title: `Questions for ${from} to ${to} hops`,
    caption: "More hops than training ever asked for: the symbol that says how many was never seen.",
    svg: chart(thinking, byDepth, { from, to }, id, `Accuracy by number of iterations, ${from} to ${to} hops.`),
  };
}

function chart(
  { nodes, hops, runs }: Thinking,
  byDepth: (run: ThinkResult) => readonly number[],
  asked: { readonly from: number; readonly to: number },
  id: string,
  label: string,
): string {
  const deepest = 2 * hops;
  const curve = (run: ThinkResult) => byDepth(run).map((accuracy, index): Point => [index + 1, accuracy]);
  const level = (run: ThinkResult): Point[] => {
    const accuracy = byDepth(run)[0] ?? Number.NaN;
    return [1, deepest].map((depth): Point => [depth, accuracy]);
  };
  const staircase = Array.from(
    { length: deepest },
    (_, index): Point => [index + 1, oneHopEach(nodes, asked, index + 1)],
  );
  const lines = (curves: Point[][], color: string): LineSeriesOption[] => [
    ...curves.map((data) => thinLine(data, color)),
    ...meanLine(curves, color),
  ];
  const option = {
    grid,
    xAxis: labelledAxis(
      "iterations",
      1,
      deepest,
      Array.from({ length: deepest }, (_, index) => index + 1),
    ),
    yAxis: percentAxis(),
    series: [
      { ...plainLine(staircase), lineStyle: { color: colors.marker, width: 1.25, type: [4, 3] } },
      ...lines(runs.plain.map(level), colors.baseline),
      ...lines(runs.stream.map(curve), colors.defined),
      ...lines(runs.recirculation.map(curve), colors.stream),
      markers([{ axis: "x", at: hops, text: "trained depth" }]),
    ],
  };
  return renderSvg(option, id, label);
}
