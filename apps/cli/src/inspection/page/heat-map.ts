/** A heat map on a canvas, with a frame around the column and the cell that are shown. */
import { element, figure } from "./elements.js";
import type { Selection, Shown } from "./selection.js";

export interface HeatMapData {
  /** What stands beside each row, from the top. */
  readonly rowLabels: readonly string[];
  readonly columns: number;
  /** What is called what it is of: "layer" or "iteration". */
  readonly rowName: string;
  /** The value of a cell, null where there is none. */
  value(row: number, column: number, shown: Shown): number | null;
  /** The row that is shown. */
  rowOf(shown: Shown): number;
  /** What a click on a row chooses. */
  choice(row: number): Partial<Shown>;
  /** Whether other values are to be drawn. */
  isOther(shown: Shown, before: Shown): boolean;
}

const shades = 48;
const tallestRow = 24;
const shortestRow = 5;
const widestCell = 34;

export function heatMap(root: HTMLElement, data: HeatMapData, selection: Selection): void {
  const part = (selector: string) => root.querySelector(selector) as HTMLElement;
  const { rowLabels, columns } = data;
  const rowHeight = Math.max(shortestRow, Math.min(tallestRow, 240 / rowLabels.length));
  const canvas = element("canvas");
  const columnMark = element("div", { className: "column-mark" });
  const cellMark = element("div", { className: "cell-mark" });
  const surface = element("div", { className: "surface" }, canvas, columnMark, cellMark);
  surface.style.height = `${rowHeight * rowLabels.length}px`;
  surface.style.maxWidth = `${widestCell * columns}px`;
  part(".plot").append(rowNames(rowLabels, rowHeight), surface);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${part("h4").textContent}: ${rowLabels.length} rows, ${columns} positions`);

  let shown: Shown | undefined;
  const draw = () => {
    if (shown === undefined) return;
    const range = rangeOf(data, shown);
    paint(canvas, surface, data, shown, range);
    part(".scale").replaceChildren(...scaleOf(range));
  };
  const mark = () => {
    if (shown === undefined) return;
    const row = data.rowOf(shown);
    const [left, width] = [`${(100 * shown.position) / columns}%`, `${100 / columns}%`];
    Object.assign(columnMark.style, { left, width });
    Object.assign(cellMark.style, { left, width, top: `${row * rowHeight}px`, height: `${rowHeight}px` });
    const value = data.value(row, shown.position, shown);
    part("figcaption").textContent = `Position ${shown.position}, ${data.rowName} ${rowLabels[row]}: ${figure(value)}`;
    root.dataset.position = String(shown.position);
  };
  const cellAt = (event: PointerEvent | MouseEvent) => {
    const box = surface.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const row = Math.floor((event.clientY - box.top) / rowHeight);
    return { column: clamp(column, columns), row: clamp(row, rowLabels.length) };
  };
  surface.addEventListener("pointermove", (event) => selection.pointAt(cellAt(event).column));
  surface.addEventListener("pointerleave", () => selection.pointAt(undefined));
  surface.addEventListener("click", (event) => {
    const { column, row } = cellAt(event);
    selection.choose({ position: column, ...data.choice(row) });
  });
  selection.show((now, before) => {
    shown = now;
    if (before === undefined || data.isOther(now, before)) draw();
    mark();
  });
  new ResizeObserver(draw).observe(surface);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function clamp(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index));
}

/** As many labels as fit. */
function rowNames(labels: readonly string[], rowHeight: number): HTMLElement {
  const every = Math.ceil(13 / rowHeight);
  const names = labels.map((label, row) => {
    const name = element("span", { textContent: (labels.length - 1 - row) % every === 0 ? label : "" });
    name.style.height = `${rowHeight}px`;
    return name;
  });
  return element("div", { className: "row-names", ariaHidden: "true" }, ...names);
}

interface Range {
  readonly low: number;
  readonly high: number;
  /** Whether a few values lie outside. */
  readonly isCut: boolean;
}

/** Of all cells; where there are many, without the outermost hundredths, lest one of them hide the others. */
function rangeOf(data: HeatMapData, shown: Shown): Range {
  const values = data.rowLabels.flatMap((_, row) =>
    Array.from({ length: data.columns }, (_, column) => data.value(row, column, shown)).filter(
      (value) => value !== null,
    ),
  );
  values.sort((left, right) => left - right);
  const cut = values.length > 100 ? Math.floor(values.length / 50) : 0;
  const [low, high] = [values[cut] ?? 0, values[values.length - 1 - cut] ?? 0];
  return { low, high, isCut: low !== values[0] || high !== values.at(-1) };
}

function paint(
  canvas: HTMLCanvasElement,
  surface: HTMLElement,
  data: HeatMapData,
  shown: Shown,
  { low, high }: Range,
): void {
  const { width, height } = surface.getBoundingClientRect();
  if (width === 0) return;
  const scale = devicePixelRatio;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const [rows, columns] = [data.rowLabels.length, data.columns];
  const colours = palette(surface);
  const gap = width / columns > 8 ? 1 : 0;
  // Whole pixels, so that neighbours leave no seams.
  const edge = (index: number, count: number, size: number) => Math.round((index / count) * size);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = data.value(row, column, shown);
      if (value === null) continue;
      const share = high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0.5;
      context.fillStyle = colours[Math.round(share * (shades - 1))] as string;
      const [left, top] = [edge(column, columns, canvas.width), edge(row, rows, canvas.height)];
      const [right, bottom] = [edge(column + 1, columns, canvas.width), edge(row + 1, rows, canvas.height)];
      context.fillRect(left, top, right - left - gap, bottom - top - gap);
    }
  }
}

/** From the style sheet's low over its middle to its high colour. */
function palette(surface: HTMLElement): string[] {
  const style = getComputedStyle(surface);
  const [low, middle, high] = ["--heat-low", "--heat-middle", "--heat-high"].map((name) =>
    style.getPropertyValue(name),
  );
  return Array.from({ length: shades }, (_, shade) => {
    const share = (200 * shade) / (shades - 1);
    return share <= 100
      ? `color-mix(in oklab, ${middle} ${share}%, ${low})`
      : `color-mix(in oklab, ${high} ${share - 100}%, ${middle})`;
  });
}

function scaleOf({ low, high, isCut }: Range): (Node | string)[] {
  const [least, most] = isCut ? ["≤ ", "≥ "] : ["", ""];
  return [`${least}${figure(low)}`, element("i"), `${most}${figure(high)}`];
}
