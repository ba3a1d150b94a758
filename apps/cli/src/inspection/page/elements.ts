/** Small helpers for elements and figures. */

export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function svg(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: Node[]
): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** Line breaks and tabs as signs. */
export function visible(text: string): string {
  return text.replaceAll("\n", "⏎").replaceAll("\t", "⇥");
}

/** A token's text, with white space that is seen. */
export function piece(text: string): HTMLElement {
  return element("code", { className: "piece", textContent: visible(text) });
}

export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(0);
  // Cosines of states that hardly move.
  if (size > 0.999 && size < 1) return value.toFixed(6);
  return size >= 100 ? value.toFixed(0) : value.toFixed(size >= 10 ? 1 : 3);
}

export function percent(share: number): string {
  return share > 0.999 && share < 1 ? "99.9%" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;
}

/** Colours repeat when there are more basins than colours; the number says which it is. */
export function basinColour(basin: number): string {
  return `var(--basin-${basin % 8})`;
}
