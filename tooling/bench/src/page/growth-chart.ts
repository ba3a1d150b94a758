/** Growth curves as SVG: both axes logarithmic, so that a power is a straight line and its exponent the slope. */
import type { LineSeriesOption } from "echarts";
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Curve, Figure } from "../results.js";

use([LineChart, GridComponent, LegendComponent, SVGRenderer]);

const size = { width: 560, height: 320 } as const;

/** Told apart without colour, too: each has its own symbol. */
const styles = [
  { color: "#1f6feb", symbol: "circle" },
  { color: "#bf5b04", symbol: "rect" },
] as const;

const text = "#444444";

/** What ECharts leaves for a script in a browser, and its styles for hovering: the file has neither. */
const forBrowsers =
  /<style[^>]*>.*?<\/style>\s*| (?:class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="visible")/gs;

export function growthChart({ name, title, curves, xAxis, yAxis }: Figure): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({
    animation: false,
    // Pages in dark colours show the file as it is.
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "sans-serif" },
    grid: { left: 70, right: 24, top: 40, bottom: 52 },
    legend: { top: 8, itemGap: 28, textStyle: { color: text }, data: curves.map(({ label }) => label) },
    xAxis: { ...axis(xAxis, 28, 2), ...limits(curves) },
    yAxis: axis(yAxis, 50, 10),
    series: curves.flatMap((curve, index) => lines(curve, styleOf(index))),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const named = svg.replace(/^<svg ([^>]*)>/, `<svg $1 role="img" aria-label="${title}"><title>${title}</title>`);
  // Its inner names count the charts of the process: the same figure should be the same file.
  return `${named.replace(forBrowsers, "").replace(/\bzr\d+-/g, `${name}-`)}\n`;
}

function styleOf(index: number): (typeof styles)[number] {
  return styles[index % styles.length] ?? styles[0];
}

function lines({ label, points, theory }: Curve, { color, symbol }: (typeof styles)[number]): LineSeriesOption[] {
  const common = { type: "line" as const, silent: true, itemStyle: { color } };
  const data = (of: Curve["points"]) => of.map(([x, y]) => [x, y]);
  return [
    { ...common, name: label, data: data(points), symbol, symbolSize: 7, lineStyle: { color, width: 2 } },
    {
      ...common,
      name: `${label} in theory`,
      data: data(theory),
      symbol: "none",
      lineStyle: { color, width: 1.5, type: [5, 4] },
    },
  ];
}

function axis(name: string, nameGap: number, logBase: number) {
  return {
    ...{ type: "log" as const, logBase, name, nameGap, nameLocation: "middle" as const },
    nameTextStyle: { color: text },
    axisLabel: { color: text, formatter: (value: number) => value.toLocaleString("en") },
    axisLine: { lineStyle: { color: "#bbbbbb" } },
    splitLine: { lineStyle: { color: "#eeeeee" } },
  };
}

function limits(curves: readonly Curve[]): { min: number; max: number } {
  const sizes = curves.flatMap(({ points }) => points.map(([x]) => x));
  return { min: Math.min(...sizes), max: Math.max(...sizes) };
}
