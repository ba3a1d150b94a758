/** The page in the browser: hears of events, and draws what it knows twice a second at most. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./page.css";
import { describeSolver } from "../../training/solver-words.js";
import type { LoggedEvent } from "../../training/training-log.js";
import { type ChartData, columnsOf, Series } from "./series.js";

type StepLogged = Extract<LoggedEvent, { event: "step" }>;

const REDRAW_MS = 500;
const CHART_HEIGHT = 230;
const colours = ["#2f6fde", "#d9480f", "#2b8a3e", "#9c36b5", "#0c8599", "#e8590c", "#5f3dc4", "#a61e4d", "#868e96"];

const series = new Series();
const drawn = new Map<string, { plot: uPlot; card: HTMLElement; lines: number }>();
let steps = 0;
/** By run: there is one, or several side by side. */
const newest = new Map<string | undefined, StepLogged>();
let isDue = false;
let isOver = false;

const byId = (id: string) => document.getElementById(id) as HTMLElement;

function hear(event: LoggedEvent): void {
  series.add(event);
  if (event.event === "start") steps = event.steps;
  if (event.event === "step") newest.set(event.variant, event);
  if (event.event === "solver") showSolver(event);
  isOver = event.event === "end";
  const place = `tep ${event.step} of ${steps}`;
  byId("state").textContent = event.event === "end" ? `${describeEnd(event.reason)} at s${place}` : `S${place}`;
  (byId("progress") as HTMLProgressElement).value = steps > 0 ? event.step / steps : 0;
  if (isDue) return;
  isDue = true;
  setTimeout(draw, REDRAW_MS);
}

function describeEnd(reason: string): string {
  return { finished: "Finished", "stopped-early": "Stopped early" }[reason] ?? "Interrupted";
}

function showSolver(event: Extract<LoggedEvent, { event: "solver" }>): void {
  const { reason, residual, step, variant } = event;
  const of = variant === undefined ? "" : ` of ${variant}`;
  byId("solver").textContent =
    `Solver${of} from step ${step} on: ${describeSolver(event)}, residual ${shortNumber(residual)} (${reason})`;
}

function draw(): void {
  isDue = false;
  showFigures([...newest.values()]);
  for (const [name, data] of series.charts) drawChart(name, data);
}

function showFigures(events: readonly StepLogged[]): void {
  const figures = Object.fromEntries(
    events.flatMap((event) =>
      Object.entries(figuresOf(event)).map(([name, value]) => [
        event.variant === undefined ? name : `${event.variant}: ${name}`,
        value,
      ]),
    ),
  );
  byId("figures").replaceChildren(
    ...Object.entries(figures).map(([name, value]) => {
      const group = document.createElement("div");
      group.append(Object.assign(document.createElement("dt"), { textContent: name }));
      group.append(Object.assign(document.createElement("dd"), { textContent: value }));
      return group;
    }),
  );
}

function figuresOf(event: StepLogged): Record<string, string> {
  return {
    loss: event.loss.toFixed(4),
    "gradient norm": event.gradientNorm.toPrecision(3),
    "learning rate": event.learningRate.toExponential(2),
    "tokens per second": Math.round(event.tokensPerSecond).toLocaleString("en"),
    memory: `${(event.memoryBytes / 2 ** 20).toFixed(1)} MiB`,
    "time left": duration(event.remainingMs),
  };
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function drawChart(name: string, data: ChartData): void {
  const known = drawn.get(name);
  const columns = columnsOf(data) as uPlot.AlignedData;
  if (known && known.lines === data.lines.size) {
    known.plot.setData(columns);
    return;
  }
  known?.plot.destroy();
  const card = known?.card ?? newCard(data.title);
  const plot = new uPlot(optionsOf(data, card), columns, card);
  drawn.set(name, { plot, card, lines: data.lines.size });
}

function newCard(title: string): HTMLElement {
  const card = document.createElement("section");
  card.className = "chart";
  card.append(Object.assign(document.createElement("h2"), { textContent: title }));
  byId("charts").append(card);
  return card;
}

function optionsOf({ isLogarithmic, lines }: ChartData, card: HTMLElement): uPlot.Options {
  // A layer's mean and bounds share their colour.
  const familyOf = (label: string) => label.replace(/ (mean|least|largest)$/, "");
  const families = [...new Set([...lines.keys()].map(familyOf))];
  // A canvas takes colours as they are, not as variables.
  const axis = {
    stroke: getComputedStyle(byId("state")).color,
    grid: { stroke: getComputedStyle(card).borderTopColor, width: 1 },
  };
  return {
    width: card.clientWidth - 26,
    height: CHART_HEIGHT,
    scales: { x: { time: false }, y: isLogarithmic ? { distr: 3 } : {} },
    axes: [
      axis,
      { ...axis, size: 70, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : shortNumber(tick))) },
    ],
    series: [
      { label: "step" },
      ...[...lines.keys()].map((label): uPlot.Series => {
        const isBound = /least|largest/.test(label);
        return {
          label,
          stroke: colours[families.indexOf(familyOf(label)) % colours.length] as string,
          width: isBound ? 1 : 2,
          spanGaps: true,
          ...(isBound && { dash: [4, 4] }),
          value: (_, value) => (value === null ? "–" : shortNumber(value)),
        };
      }),
    ],
  };
}

function shortNumber(value: number): string {
  const size = Math.abs(value);
  return value !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

new ResizeObserver(() => {
  for (const { plot, card } of drawn.values()) plot.setSize({ width: card.clientWidth - 26, height: CHART_HEIGHT });
}).observe(byId("charts"));

const source = new EventSource("events");
source.addEventListener("history", ({ data }) => {
  for (const event of JSON.parse(data) as LoggedEvent[]) hear(event);
});
source.addEventListener("training", ({ data }) => hear(JSON.parse(data) as LoggedEvent));
// The server is gone when the run is; before that the browser asks again by itself.
source.addEventListener("error", () => {
  if (isOver) source.close();
});
