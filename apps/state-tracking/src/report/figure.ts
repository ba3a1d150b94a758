/** A chart with its title and caption. */
import type { Chart } from "./charts.js";
import { type Html, html, raw } from "./html.js";

export function figure({ title, caption, svg }: Chart): Html {
  return html`<figure><h4>${title}</h4>${raw(svg)}<figcaption>${caption}</figcaption></figure>`;
}
