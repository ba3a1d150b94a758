/** What a measurement found: kept as JSON, so that one can be repeated and the page still shows them all. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.js";
import type { Point } from "./statistics.js";

/** What the issue asks for, of the figures in one column or in all of them. */
export interface Target {
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The column's title; without it the target is every column's. */
  readonly column?: string;
}

export interface Row {
  readonly label: string;
  /** One for each column, null where there is none. */
  readonly values?: readonly (number | null)[];
  readonly target?: Target;
  /** Why there are no figures. */
  readonly notRun?: string;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Markdown: what is to be said of these figures alone. */
  readonly note?: string;
}

/** A curve on logarithmic axes, with the line of the exponent that theory says. */
export interface Curve {
  readonly label: string;
  readonly points: readonly Point[];
  readonly theory: readonly Point[];
}

export interface Figure {
  /** Name of its file, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly curves: readonly Curve[];
}

/** What a measurement function returns. */
export interface Findings {
  /** Markdown: what was measured, and how. */
  readonly introduction: string;
  readonly tables: readonly Table[];
  readonly figures?: readonly Figure[];
  /** Versions of the engines that are not installed by npm. */
  readonly versions?: Readonly<Record<string, string>>;
}

export interface Result extends Findings {
  readonly measurement: string;
  readonly title: string;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  /** Median share of the time in which the engines' processes ran; below 1 where others wanted the processor. */
  readonly processorShare: number | null;
  readonly versions: Readonly<Record<string, string>>;
}

export function saveResult(folder: string, result: Result): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${result.measurement}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** The latest of each measurement, in the order of the names. */
export function loadResults(folder: string, measurements: readonly string[]): Result[] {
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return measurements
    .filter((name) => files.includes(`${name}.json`))
    .map((name) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Result);
}
