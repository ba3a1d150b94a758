/** ECharts' server-side rendering, made fit for a page: no fixed size, no namespace address, colours from the style sheet. */

import type { EChartsOption } from "echarts";
import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, MarkLineComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { escapeHtml } from "./html.js";

use([BarChart, LineChart, ScatterChart, GridComponent, MarkLineComponent, SVGRenderer]);

/** Size that charts are laid out for; on the page they scale with their column. */
export const chartSize = { width: 400, height: 270 } as const;

/** Colours by name; the page's style sheet gives them their light and dark values. */
export const colors = {
  stream: "var(--stream)",
  baseline: "var(--baseline)",
  defined: "var(--defined)",
  text: "var(--chart-text)",
  grid: "var(--chart-grid)",
  marker: "var(--marker)",
  surface: "var(--surface)",
} as const;

/** What ECharts leaves for a script in the browser, and for its own styles on hovering: here there are neither. */
const hoverAttributes = / (?:class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="visible")/g;

/** An `<svg>` element. `id` keeps its inner names apart from those of the page's other charts. */
export function renderSvg(option: EChartsOption, id: string, label: string): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...chartSize });
  chart.setOption({
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: "inherit" },
    ...option,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const { width, height } = chartSize;
  const start = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}"><title>${escapeHtml(label)}</title>`;
  return svg
    .replace(/^<svg[^>]*>/, start)
    .replace(/<style[^>]*>.*?<\/style>\s*/gs, "")
    .replace(hoverAttributes, "")
    .replace(/\bzr\d+-/g, `${id}-`);
}
