export {
  axisStyle,
  bundles,
  grid,
  histogram,
  labelledAxis,
  type Marker,
  markers,
  meanLine,
  type Point,
  percentAxis,
  plainLine,
  thinLine,
  valueAxis,
} from "./chart-parts.js";
export { type Chart, figure } from "./figure.js";
export { escapeHtml, Html, type HtmlValue, html, raw } from "./html.js";
export { count, enumerate, mean, meanCurve, percent, percentRange, quantile } from "./statistics.js";
export { style } from "./style.js";
export { chartSize, colors, renderSvg, type Size, svgFile } from "./svg.js";
export { writeWhole } from "./write-whole.js";
