/** The chosen layer's states in two dimensions. */
import type { InspectionData, LayerData } from "../inspection-data.js";
import { basinColour, byId, element, figure, percent, svg } from "./elements.js";
import type { Selection } from "./selection.js";

const [width, height, margin] = [960, 480, 34];

export function trajectoryView({ layers, positions }: InspectionData, selection: Selection): void {
  const root = byId("trajectory");
  let dots: SVGElement[] = [];
  const draw = (layer: LayerData, layerNumber: number) => {
    const place = placing(layer.points);
    const places = layer.points.map(place);
    const path = svg("polyline", { class: "path", points: places.map(([x, y]) => `${x},${y}`).join(" ") });
    dots = places.map(([x, y], position) => {
      const dot = svg("circle", { class: "dot", cx: x, cy: y, r: 5, "data-position": position });
      dot.style.fill = basinColour(layer.basinOf[position] as number);
      const title = svg("title", {});
      title.textContent = `position ${position}: ${positions[position]?.text}`;
      dot.append(title);
      return dot;
    });
    const picture = svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": `Trajectory of layer ${layerNumber} in two dimensions`,
      },
      path,
      ...dots,
      axisTitle(width / 2, height - 8, `first component, ${percent(layer.explained[0])} of the variance`),
      axisTitle(14, height / 2, `second, ${percent(layer.explained[1])}`, true),
    );
    root.replaceChildren(picture);
    byId("basins").replaceChildren(...legend(layer));
  };
  root.addEventListener("pointerover", (event) => {
    const position = (event.target as Element).getAttribute("data-position");
    selection.pointAt(position === null ? undefined : Number(position));
  });
  root.addEventListener("pointerleave", () => selection.pointAt(undefined));
  root.addEventListener("click", (event) => {
    const position = (event.target as Element).getAttribute("data-position");
    if (position !== null) selection.choose({ position: Number(position) });
  });
  selection.show((shown, before) => {
    if (before?.layer !== shown.layer) draw(layers[shown.layer] as LayerData, shown.layer);
    for (const [position, dot] of dots.entries()) {
      dot.classList.toggle("shown", position === shown.position);
      dot.setAttribute("r", position === shown.position ? "10" : "5");
    }
    // On top of the others; what is pointed at is not moved, since the browser would lose the pointer.
    const own = dots[shown.position];
    if (own && !own.matches(":hover")) dots.at(-1)?.after(own);
    root.dataset.position = String(shown.position);
  });
}

/** Both axes to one scale, so that distances mean the same in all directions, unless one of them is flat. */
function placing(points: LayerData["points"]): (point: readonly [number, number]) => [number, number] {
  const bounds = ([0, 1] as const).map((axis) => {
    const values = points.map((point) => point[axis]);
    return { low: Math.min(...values), span: Math.max(...values) - Math.min(...values) || 1e-9 };
  }) as [{ low: number; span: number }, { low: number; span: number }];
  const [xs, ys] = bounds;
  const scale = Math.min((width - 2 * margin) / xs.span, (height - 2 * margin) / ys.span);
  const [left, top] = [(width - xs.span * scale) / 2, (height - ys.span * scale) / 2];
  return ([x, y]) => [left + (x - xs.low) * scale, height - top - (y - ys.low) * scale];
}

function axisTitle(x: number, y: number, text: string, isUpright = false): SVGElement {
  const title = svg("text", {
    class: "axis-title",
    x,
    y,
    "text-anchor": "middle",
    ...(isUpright && { transform: `rotate(-90 ${x} ${y})` }),
  });
  title.textContent = text;
  return title;
}

function legend({ basinCount, basinOf, silhouette }: LayerData): Node[] {
  const entries = Array.from({ length: basinCount }, (_, basin) => {
    const share = basinOf.filter((own) => own === basin).length;
    const swatch = element("i", { className: "swatch" });
    swatch.style.background = basinColour(basin);
    return element("span", { className: "basin" }, swatch, `basin ${basin + 1}: ${share}`);
  });
  if (silhouette !== null)
    entries.push(element("span", { className: "basin", textContent: `silhouette ${figure(silhouette)}` }));
  return entries;
}
