/** The parts of a page without charts, for those who draw their own. */
export { escapeHtml, Html, type HtmlValue, html, raw } from "./html.js";
export { count, quantile } from "./statistics.js";
export { style } from "./style.js";
export { writeWhole } from "./write-whole.js";
