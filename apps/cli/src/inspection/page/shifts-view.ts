/** The chosen layer's basin shifts, with the distribution before and after each. */
import type { InspectionData, LayerData } from "../inspection-data.js";
import { basinColour, byId, element, figure, piece } from "./elements.js";
import { bar } from "./position-views.js";
import type { Selection } from "./selection.js";

export function shiftsView({ layers, positions, names }: InspectionData, selection: Selection): void {
  const body = byId("shifts").querySelector("tbody") as HTMLElement;
  const rows = new Map<number, HTMLElement>();
  const distribution = (position: number) =>
    element(
      "td",
      { className: "shares" },
      ...(positions[position]?.posterior.at(-1)?.top.slice(0, 3) ?? []).map((share) => bar(share, names)),
    );
  const rowOf = (position: number, basinOf: readonly number[]) => {
    const choose = element("button", { type: "button", className: "link", textContent: String(position) });
    const row = element(
      "tr",
      {},
      element("th", { scope: "row" }, choose),
      element("td", {}, piece(positions[position]?.text ?? "")),
      element("td", {}, basin(basinOf[position - 1] as number), " → ", basin(basinOf[position] as number)),
      element("td", { className: "number", textContent: figure(positions[position]?.positionShiftBits) }),
      distribution(position - 1),
      distribution(position),
    );
    row.addEventListener("click", () => selection.choose({ position }));
    row.addEventListener("pointerenter", () => selection.pointAt(position));
    row.addEventListener("pointerleave", () => selection.pointAt(undefined));
    rows.set(position, row);
    return row;
  };
  selection.show((shown, before) => {
    if (before?.layer !== shown.layer) {
      const { basinOf, changePoints } = layers[shown.layer] as LayerData;
      rows.clear();
      body.replaceChildren(...changePoints.map((position) => rowOf(position, basinOf)));
      (byId("shifts").parentElement as HTMLElement).hidden = changePoints.length === 0;
      byId("shifts-lead").textContent = leadFor(shown.layer, layers[shown.layer] as LayerData, positions);
    }
    for (const [position, row] of rows) row.classList.toggle("shown", position === shown.position);
  });
}

function leadFor(layer: number, { changePoints }: LayerData, positions: InspectionData["positions"]): string {
  if (changePoints.length === 0) {
    return `Layer ${layer} has no shifts: its state sits in one basin, or moves at every position without staying anywhere.`;
  }
  const bits = (list: readonly number[]) => {
    const values = list.map((position) => positions[position]?.positionShiftBits ?? 0);
    return values.length === 0 ? "–" : figure(values.reduce((sum, value) => sum + value, 0) / values.length);
  };
  const others = positions
    .map((_, position) => position)
    .filter((position) => position > 0 && !changePoints.includes(position));
  const times = changePoints.length === 1 ? "once" : `${changePoints.length} times`;
  return `Layer ${layer} shifts ${times}. Over a shift the model's distribution moves ${bits(changePoints)} bits on average, elsewhere ${bits(others)}.`;
}

function basin(number: number): HTMLElement {
  const name = element("span", { className: "basin-name", textContent: String(number + 1) });
  name.style.setProperty("--basin", basinColour(number));
  return name;
}
