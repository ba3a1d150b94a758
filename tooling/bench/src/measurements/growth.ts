/** How time and memory grow with what a user may turn up. */
import { type Entrant, isNotRun, runRounds } from "../engine/rounds.js";
import type { Measurement, MeasurementContext } from "../measurement.js";
import { bytesInTheory, type GrowthPoint, operationsInTheory } from "../models/growth-point.js";
import { ownWorker } from "../own-worker.js";
import type { Figure, Findings, Row, Table } from "../results.js";
import { fittedExponent, median, type Point } from "../statistics.js";

interface Growth {
  readonly name: string;
  readonly title: string;
  readonly axis: string;
  readonly sizes: readonly number[];
  readonly pointOf: (size: number) => GrowthPoint;
  /** Why it grows as it does, and where that is not as in theory. */
  readonly why: string;
}

const base: GrowthPoint = { work: "training", width: 64, layers: 2, batch: 1, time: 128, iterations: 1, stream: true };

const times = [64, 128, 256, 512, 1024, 2048, 4096, 8192];

const growths: readonly Growth[] = [
  {
    name: "time-exact",
    title: "Training step with the exact solver, by T",
    axis: "T",
    sizes: times,
    pointOf: (time) => ({ ...base, time }),
    why:
      "Time: below theory, for short rows pay for calls, and each of the T steps of the recurrence has a cost of its own, which is " +
      "linear; attention, the quadratic part, has as many operations as everything else at T = 766. At the end a head's keys, " +
      "values and their gradients (2 MB) lie beyond the second-level cache. Memory: as in theory, without T × T.",
  },
  {
    name: "time-plain",
    title: "Training step of the plain transformer, by T",
    axis: "T",
    sizes: times,
    pointOf: (time) => ({ ...base, time, stream: false }),
    why:
      "Time: short rows pay for calls; from T = 766 on attention has most of the operations, and at the end what it reads (2 MB a " +
      "head) lies beyond the second-level cache. Memory: as in theory, without T × T.",
  },
  {
    name: "batch",
    title: "Training step with the exact solver, by batch",
    axis: "batch",
    sizes: [1, 2, 4, 8, 16, 32, 64],
    pointOf: (batch) => ({ ...base, batch }),
    why:
      "Time: a step of the recurrence takes all rows at once and shares its cost between them, so it grows more slowly than the " +
      "batch, until what is kept for the backward pass (0.3 GB at 64) comes from memory. Memory: parameters and code are there " +
      "once, whatever the batch.",
  },
  {
    name: "width",
    title: "Training step with the exact solver, by width",
    axis: "width",
    sizes: [32, 64, 128, 256, 512, 1024],
    pointOf: (width) => ({ ...base, width }),
    why:
      "Time: narrow models pay for calls and for the recurrence's steps. At 1,024 weights, gradients and moments (0.4 GB) pass " +
      "through memory once a step, in the plain transformer too, and the recurrence reads a layer's feed-forward weights (6 MB at " +
      "512, 25 MB at 1,024) again in each of the 128 steps, at last from beyond the caches. Memory: in narrow models mostly code.",
  },
  {
    name: "layers",
    title: "Training step with the exact solver, by layers",
    axis: "layers",
    sizes: [1, 2, 4, 8, 16, 32],
    pointOf: (layers) => ({ ...base, layers }),
    why:
      "Time: a layer costs a layer; embedding and head, which there is one of, keep it below 1. Memory: so does what the process " +
      "needs for a first layer.",
  },
  {
    name: "iterations",
    title: "Forward pass, by iterations at every position",
    axis: "iterations",
    sizes: [1, 2, 4, 8, 16],
    pointOf: (iterations) => ({ ...base, work: "forward", iterations, batch: 4 }),
    why:
      "Time: one recurrence over T · N columns, N times the work; attention goes query by query where there are iterations, whose " +
      "keys leave the nearest caches as columns become many. Memory: a forward pass keeps nothing of a layer for the next one, " +
      "and takes again what it has given back, so few iterations need no more than the process has anyway.",
  },
  {
    name: "context",
    title: "One decoded token, by context",
    axis: "context",
    sizes: times,
    pointOf: (time) => ({ ...base, work: "decoding", width: 128, layers: 4, time }),
    why:
      "Time: a short context costs less than weights and calls; each position adds 4 KB of keys and values to what a token reads, " +
      "and a long cache comes from memory, which is slower than the arithmetic. Memory: up to some thousand positions it is above " +
      "all what reading the context took, 512 positions at a time, whatever the context.",
  },
];

const exponentColumns = ["exponent", "in theory", "at the end", "in theory, at the end"];

/** Curves are about orders of magnitude: more rounds would only take longer. */
const MOST_ROUNDS = 3;

/** Below this a process's own comings and goings hide what a point takes. */
const LEAST_BYTES = 4e6;

export const growth: Measurement = { name: "growth", title: "Growth", measure };

async function measure(context: MeasurementContext): Promise<Findings> {
  const tables: Table[] = [];
  const figures: Figure[] = [];
  for (const each of growths) {
    const { table, figure } = await curveOf(each, { ...context, rounds: Math.min(MOST_ROUNDS, context.rounds) });
    tables.push(table);
    figures.push(figure);
  }
  return {
    introduction:
      "Time and memory of our own engine on one thread, every point in a process of its own: width 64, 2 layers, 4 heads, " +
      "FFN of twice the width, vocabulary 256, batch 1, T 128 where nothing else is said (a decoded token: width 128, 4 " +
      "layers; iterations: batch 4). The exponent is the slope of the least-squares line through the logarithms, at the end " +
      "that of the last two points. In theory it is the slope of what the formulas count at the same points: operations " +
      "(two for each weight and column, attention over what precedes, three passes to train) and bytes (parameters with " +
      "their gradients and moments, what the backward pass keeps of each column, caches; nothing of T × T). Memory is what " +
      `the process holds after the work beyond what it held after the same work in small; less than ${LEAST_BYTES / 1e6} MB is lost in ` +
      "its own comings and goings and left out of the fit. GFLOP/s are the formula's operations by the time: where they rise, " +
      "time grows more slowly than the operations. Small points of memory are mostly code and garbage. Dashed in the figures: " +
      "theory.",
    tables,
    figures,
  };
}

async function curveOf(
  { name, title, axis, sizes, pointOf, why }: Growth,
  context: MeasurementContext,
): Promise<{ table: Table; figure: Figure }> {
  const bytes = new Map<number, number>();
  const entrants = sizes.map(
    (size): Entrant => ({
      name: String(size),
      command: ownWorker("growth", [JSON.stringify(pointOf(size))]),
      request: () => ({}),
      onReply: (reply) => bytes.set(size, Math.max(bytes.get(size) ?? 0, reply.bytes as number)),
    }),
  );
  context.onProgress(title);
  const samples = await runRounds(entrants, [title], context);
  const seconds = sizes.map((size) => {
    const found = samples[size]?.[title] ?? [];
    return isNotRun(found) ? null : median(found);
  });
  const taken = sizes.map((size) => bytes.get(size) ?? null);
  const curves = [
    { label: "time", unit: "ms", scale: 1e3, found: seconds, least: 0, theory: operationsInTheory },
    { label: "memory", unit: "MB", scale: 1e-6, found: taken, least: LEAST_BYTES, theory: bytesInTheory },
  ].map((curve) => {
    const points = sizes.flatMap((size, index): Point[] => {
      const value = curve.found[index];
      return value === null || value === undefined || value < curve.least ? [] : [[size, value]];
    });
    return { ...curve, points, inTheory: points.map(([size]): Point => [size, curve.theory(pointOf(size))]) };
  });
  const rows = curves.map(({ label, unit, scale, found, points, inTheory }): Row => {
    const exponents = [points, inTheory].map(exponentOf);
    const atTheEnd = [points, inTheory].map((each) => exponentOf(each.slice(-2)));
    return {
      label: `${label}, ${unit}`,
      values: [...found.map((value) => (value === null ? null : value * scale)), ...exponents, ...atTheEnd],
    };
  });
  const rates = seconds.map(
    (value, index) => value && operationsInTheory(pointOf(sizes[index] as number)) / value / 1e9,
  );
  const [time, memory] = rows as [Row, Row];
  const rate = { label: "GFLOP/s", values: [...rates, ...exponentColumns.map(() => null)] };
  return {
    table: {
      title: `${title} =`,
      columns: [...sizes.map(String), ...exponentColumns],
      rows: [time, rate, memory],
      note: why,
    },
    figure: {
      name: `growth-${name}`,
      title,
      xAxis: axis,
      yAxis: "times the smallest",
      curves: curves.flatMap(({ label, points, inTheory }) =>
        points.length < 2 ? [] : [{ label, points: relative(points), theory: relative(inTheory) }],
      ),
    },
  };
}

/** null where there are too few points for a line. */
function exponentOf(points: readonly Point[]): number | null {
  return points.length < 2 ? null : fittedExponent(points);
}

function relative(points: readonly Point[]): Point[] {
  const first = points[0]?.[1] ?? Number.NaN;
  return points.map(([x, y]) => [x, y / first]);
}
