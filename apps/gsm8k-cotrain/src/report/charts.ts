/** The page's charts. */
import {
  bundles,
  type Chart,
  colors,
  grid,
  labelledAxis,
  markers,
  type Point,
  percent,
  percentAxis,
  plainLine,
  renderSvg,
  valueAxis,
} from "@sst/report";
import type { CurvePoint, Results } from "../results.js";
import type { SetSummary } from "../summary.js";

const seedsCaption = "Thick: mean. Thin: seeds.";

export function lossChart({ runs }: Results): Chart {
  const curves = (variant: "stream" | "baseline") => runs.map((run) => points(run.curves[variant]));
  const steps = Math.max(0, ...runs.flatMap((run) => run.curves.stream.map(({ step }) => step)));
  const quarters = [0, 1, 2, 3, 4].map((quarter) => Math.round((quarter * steps) / 4));
  const option = {
    grid,
    xAxis: labelledAxis("step of co-training", 0, steps, quarters),
    yAxis: valueAxis(),
    series: bundles(curves("baseline"), curves("stream")),
  };
  const svg = renderSvg(option, "loss", `Training loss with and without the stream. ${seedsCaption}`);
  return { title: "Training loss, nats per answer", caption: seedsCaption, svg };
}

/** Accuracy at each depth, a line for each set of questions; the harder, the fainter. */
export function depthChart(summaries: readonly SetSummary[], { experiment }: Results): Chart {
  const most = Math.max(1, ...summaries.map(({ depths }) => depths.length));
  const lines = summaries.map(({ depths }, index) => ({
    ...plainLine(depths.map(({ accuracy }, depth): Point => [depth + 1, accuracy])),
    showSymbol: true,
    lineStyle: { color: colors.stream, width: 2.5, opacity: 1 - (0.7 * index) / summaries.length },
    itemStyle: { color: colors.stream, opacity: 1 - (0.7 * index) / summaries.length },
  }));
  const option = {
    grid,
    xAxis: labelledAxis(
      "iterations at the answer",
      1,
      most,
      Array.from({ length: most }, (_, depth) => depth + 1),
    ),
    yAxis: percentAxis(),
    series: [...lines, markers([{ axis: "y", at: experiment.chance ?? Number.NaN, text: "guessing" }])],
  };
  const caption = `From strong to faint: ${summaries.map(({ title }) => title).join(", ")}. Mean over seeds.`;
  const said = summaries.map(
    ({ title, depths }) => `${title} ${depths.map(({ accuracy }) => percent(accuracy)).join(", ")}`,
  );
  return { title: "Accuracy by depth, with the stream", caption, svg: renderSvg(option, "depth", said.join("; ")) };
}

function points(curve: readonly CurvePoint[]): Point[] {
  return curve.map(({ step, loss }) => [step, loss]);
}
