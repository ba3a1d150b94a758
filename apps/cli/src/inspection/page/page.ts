/** The report in the browser: views of one trace that show the same position. */
import "./page.css";
import type { InspectionData } from "../inspection-data.js";
import { byId, piece } from "./elements.js";
import { heatMaps } from "./maps.js";
import { iterationsView, lensView } from "./position-views.js";
import { Selection } from "./selection.js";
import { shiftsView } from "./shifts-view.js";
import { textView } from "./text-view.js";
import { trajectoryView } from "./trajectory.js";

const data = JSON.parse(byId("data").textContent as string) as InspectionData;
const { positions, layers, iterations } = data;

// The top layer, and its first shift where it has one.
const top = layers.length - 1;
const start = { position: layers[top]?.changePoints[0] ?? positions.length - 1, layer: top, iteration: iterations };
const selection = new Selection(start, positions.length);

chooser();
for (const view of [textView, iterationsView, lensView, heatMaps, trajectoryView, shiftsView]) view(data, selection);
selection.start();

function chooser(): void {
  const [range, layer, iteration] = [
    byId<HTMLInputElement>("position"),
    byId<HTMLSelectElement>("layer"),
    byId<HTMLSelectElement>("iteration"),
  ];
  byId("chooser").addEventListener("submit", (event) => event.preventDefault());
  range.addEventListener("input", () => selection.choose({ position: Number(range.value) }));
  layer.addEventListener("change", () => selection.choose({ layer: Number(layer.value) }));
  iteration.addEventListener("change", () => selection.choose({ iteration: Number(iteration.value) }));
  selection.show((shown) => {
    range.value = String(shown.position);
    layer.value = String(shown.layer);
    iteration.value = String(shown.iteration);
    byId("chosen").replaceChildren(`${shown.position} `, piece(positions[shown.position]?.text ?? ""));
  });
}
