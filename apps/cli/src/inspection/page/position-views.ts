/** What there is to read about the position that is shown: distributions by iteration, and the logit lens by layer. */
import type { InspectionData, Share } from "../inspection-data.js";
import { byId, element, figure, percent, piece } from "./elements.js";
import type { Selection } from "./selection.js";

export function iterationsView({ positions, names }: InspectionData, selection: Selection): void {
  const root = byId("iterations");
  selection.show(({ position, iteration }, before) => {
    if (before?.position === position && before.iteration === iteration) return;
    const own = positions[position] as InspectionData["positions"][0];
    root.replaceChildren(
      ...own.posterior.map(({ entropyNats, divergenceBits, top }, index) => {
        const words = divergenceBits === null ? "" : `, moved ${figure(divergenceBits)}\u00a0bits`;
        const isShown = index === Math.min(iteration, own.posterior.length) - 1;
        return element(
          "div",
          { className: isShown ? "step shown" : "step" },
          element(
            "p",
            { className: "step-title" },
            element("strong", { textContent: `Iteration ${index + 1}` }),
            element("br"),
            `entropy ${figure(entropyNats)} nats${words}`,
          ),
          ...top.map((share) => bar(share, names)),
        );
      }),
    );
    root.dataset.position = String(position);
  });
}

/** A token with its probability as a bar. */
export function bar([token, probability]: Share, names: InspectionData["names"]): HTMLElement {
  const fill = element("i");
  fill.style.width = `${100 * probability}%`;
  const track = element("span", { className: "share-track" }, fill);
  return element(
    "div",
    { className: "share" },
    piece(names[token] ?? String(token)),
    track,
    element("span", { className: "share-number", textContent: percent(probability) }),
  );
}

/** A row for each layer, the top one first; a column for each iteration. */
export function lensView({ layers, names, positions }: InspectionData, selection: Selection): void {
  const root = byId("lens");
  selection.show(({ position, layer: shownLayer }, before) => {
    if (before?.position === position && before.layer === shownLayer) return;
    const iterations = positions[position]?.posterior.length ?? 1;
    const heads = Array.from({ length: iterations }, (_, index) =>
      element("th", { scope: "col", textContent: index === 0 ? "iteration 1" : String(index + 1) }),
    );
    const rows = layers.map(({ lens, norm, cosineToPosition }, layer) => {
      const cells = (lens[position] ?? []).map(([best]) => lensCell(best as Share, names));
      const row = element(
        "tr",
        { className: layer === shownLayer ? "shown" : "" },
        element("th", { scope: "row", className: "number", textContent: String(layer) }),
        ...cells,
        element("td", { className: "number", textContent: figure(norm[position]?.at(-1)) }),
        element("td", { className: "number", textContent: figure(cosineToPosition[position]?.at(-1)) }),
      );
      row.addEventListener("click", () => selection.choose({ layer }));
      return row;
    });
    const head = element(
      "tr",
      {},
      element("th", { scope: "col", className: "number", textContent: "layer" }),
      ...heads,
      element("th", { scope: "col", className: "number", textContent: "norm" }),
      element("th", { scope: "col", className: "number", textContent: "cosine" }),
    );
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows.reverse()));
    root.replaceChildren(element("div", { className: "scroll plain" }, table));
    root.dataset.position = String(position);
  });
}

function lensCell([token, probability]: Share, names: InspectionData["names"]): HTMLElement {
  const cell = element(
    "td",
    { className: "lens-cell" },
    piece(names[token] ?? String(token)),
    ` ${percent(probability)}`,
  );
  cell.style.setProperty("--share", `${Math.round(100 * probability)}%`);
  return cell;
}
