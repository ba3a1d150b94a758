/** Events as lines of figures over steps, grouped into charts. */
import type { LoggedEvent } from "../../training/training-log.js";

/** Points of one line. */
export type Line = Map<number, number>;

export interface ChartData {
  readonly title: string;
  /** What grows by factors is drawn on a logarithmic scale. */
  readonly isLogarithmic: boolean;
  readonly lines: Map<string, Line>;
}

const charts = {
  loss: { title: "Loss (nats)", isLogarithmic: false },
  residual: { title: "Residual of the recurrence (the exact solution at 1e-8)", isLogarithmic: true },
  alpha: { title: "Alpha: mean, least and largest", isLogarithmic: false },
  gradient: { title: "Gradient norms, before clipping", isLogarithmic: true },
  rate: { title: "Learning rate", isLogarithmic: false },
  speed: { title: "Tokens per second", isLogarithmic: false },
  memory: { title: "Tensors on the device (MiB)", isLogarithmic: false },
} as const;

export class Series {
  readonly charts = new Map<string, ChartData>();

  add(event: LoggedEvent): void {
    const { step, variant } = event;
    const point = (chart: keyof typeof charts, line: string, value: number) =>
      this.#line(chart, variant === undefined ? line : `${variant}: ${line}`).set(step, value);
    if (event.event === "step") {
      point("loss", "training", event.loss);
      point("gradient", "all", event.gradientNorm);
      for (const [part, norm] of Object.entries(event.gradientNorms)) point("gradient", part, norm);
      point("rate", "rate", event.learningRate);
      point("speed", "tokens", event.tokensPerSecond);
      point("memory", "tensors", event.memoryBytes / 2 ** 20);
    }
    if (event.event === "solver") {
      for (const { residual, sweeps } of event.seen) point("residual", `tried: ${sweeps} sweeps`, residual);
    }
    if (event.event === "evaluation") point("loss", "evaluation", event.loss);
    if (event.event === "observation") {
      for (const [layer, residual] of event.residual.entries()) point("residual", `layer ${layer}`, residual);
      for (const [layer, { max, mean, min }] of event.alpha.entries()) {
        point("alpha", `layer ${layer} mean`, mean);
        point("alpha", `layer ${layer} least`, min);
        point("alpha", `layer ${layer} largest`, max);
      }
    }
  }

  #line(chart: keyof typeof charts, name: string): Line {
    const data = this.charts.get(chart) ?? { ...charts[chart], lines: new Map<string, Line>() };
    this.charts.set(chart, data);
    const line = data.lines.get(name) ?? new Map<number, number>();
    data.lines.set(name, line);
    return line;
  }
}

/** A logarithmic scale has no 0: less than this is drawn here. */
const SMALLEST = 1e-8;

/** Steps in order, and each line's values at them, with nothing where it has none. */
export function columnsOf({ isLogarithmic, lines }: ChartData): [number[], ...(number | null)[][]] {
  const shown = (value: number | undefined) =>
    value === undefined ? null : isLogarithmic ? Math.max(value, SMALLEST) : value;
  const steps = [...new Set([...lines.values()].flatMap((line) => [...line.keys()]))].sort((a, b) => a - b);
  return [steps, ...[...lines.values()].map((line) => steps.map((step) => shown(line.get(step))))];
}
