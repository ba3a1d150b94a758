/** A chart with its title and caption. */
import { type Html, html, raw } from "./html.js";

export interface Chart {
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

export function figure({ title, caption, svg }: Chart): Html {
  return html`<figure><h4>${title}</h4>${raw(svg)}<figcaption>${caption}</figcaption></figure>`;
}
