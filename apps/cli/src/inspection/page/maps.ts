/** Which heat maps there are, and what their cells are. */
import type { Figures, InspectionData, LayerData } from "../inspection-data.js";
import { type HeatMapData, heatMap } from "./heat-map.js";
import type { Selection } from "./selection.js";

export function heatMaps(data: InspectionData, selection: Selection): void {
  const layerFigures = ["norm", "cosineToPosition", "divergenceBits", "cosineToIteration"] as const;
  const maps: Record<string, HeatMapData> = {
    ...Object.fromEntries(layerFigures.map((name) => [name, layerMap(data, (layer) => layer[name])])),
    entropy: iterationMap(data, ({ entropyNats }) => entropyNats),
    moved: iterationMap(data, ({ divergenceBits }) => divergenceBits),
  };
  for (const root of document.querySelectorAll<HTMLElement>("[data-map]")) {
    heatMap(root, maps[root.dataset.map as string] as HeatMapData, selection);
  }
}

/** The top layer above. */
function layerMap({ layers, positions }: InspectionData, figures: (layer: LayerData) => Figures): HeatMapData {
  const layerAt = (row: number) => layers.length - 1 - row;
  return {
    rowLabels: layers.map((_, row) => String(layerAt(row))),
    columns: positions.length,
    rowName: "layer",
    value: (row, column, { iteration }) => {
      const byIteration = figures(layers[layerAt(row)] as LayerData)[column] ?? [];
      return byIteration[Math.min(iteration, byIteration.length) - 1] ?? null;
    },
    rowOf: ({ layer }) => layerAt(layer),
    choice: (row) => ({ layer: layerAt(row) }),
    isOther: (shown, before) => shown.iteration !== before.iteration,
  };
}

/** The first iteration above: time goes down. */
function iterationMap(
  { positions, iterations }: InspectionData,
  figure: (distribution: InspectionData["positions"][0]["posterior"][0]) => number | null,
): HeatMapData {
  return {
    rowLabels: Array.from({ length: iterations }, (_, row) => String(row + 1)),
    columns: positions.length,
    rowName: "iteration",
    value: (row, column) => {
      const distribution = positions[column]?.posterior[row];
      return distribution === undefined ? null : figure(distribution);
    },
    rowOf: ({ iteration }) => iteration - 1,
    choice: (row) => ({ iteration: row + 1 }),
    isOther: () => false,
  };
}
