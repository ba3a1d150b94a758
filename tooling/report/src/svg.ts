/** ECharts' server-side rendering, made fit for a page: no fixed size, no namespace address, colours from the style sheet. */

import type { EChartsOption } from "echarts";
import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { escapeHtml } from "./html.js";
import { dark, light } from "./style.js";

use([BarChart, LineChart, ScatterChart, GridComponent, LegendComponent, MarkLineComponent, SVGRenderer]);

/** Size that charts are laid out for; on the page they scale with their column. */
export const chartSize = { width: 400, height: 270 } as const;

/** Colours by name; the page's style sheet gives them their light and dark values. */
export const colors = {
  stream: "var(--stream)",
  baseline: "var(--baseline)",
  defined: "var(--defined)",
  fourth: "var(--fourth)",
  fifth: "var(--fifth)",
  sixth: "var(--sixth)",
  text: "var(--chart-text)",
  grid: "var(--chart-grid)",
  marker: "var(--marker)",
  surface: "var(--surface)",
} as const;

/** What ECharts leaves for a script in the browser, and for its own styles on hovering: here there are neither. */
const hoverAttributes = / (?:class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="visible")/g;

/** An `<svg>` element. `id` keeps its inner names apart from those of the page's other charts. */
export function renderSvg(option: EChartsOption, id: string, label: string): string {
  return drawn(option, id, label, chartSize, "");
}

/** A whole file, which brings its colours along, light and dark, and its own background: it may stand on any page. */
export function svgFile(option: EChartsOption, id: string, label: string, size: Size): string {
  const font = `system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif`;
  const style = `<style>svg { ${light} font-family: ${font}; background: var(--surface); }
@media (prefers-color-scheme: dark) { svg { ${dark} } }</style>`;
  const namespaced = drawn(option, id, label, size, style).replace("<svg ", `<svg xmlns="http://www.w3.org/2000/svg" `);
  return `${namespaced}\n`;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

function drawn(option: EChartsOption, id: string, label: string, { width, height }: Size, style: string): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: "inherit" },
    ...option,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const start = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}"><title>${escapeHtml(label)}</title>${style}`;
  return svg
    .replace(/<style[^>]*>.*?<\/style>\s*/gs, "")
    .replace(/^<svg[^>]*>/, start)
    .replace(hoverAttributes, "")
    .replace(/\bzr\d+-/g, `${id}-`);
}
