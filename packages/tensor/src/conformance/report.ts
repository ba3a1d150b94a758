/** What a run of the suite found, as data and as a table. */
import type { KernelSuite } from "./kernel-suite.js";

/** One line: a kernel, or the gradient of one. */
export interface ConformanceRow {
  readonly kernel: string;
  /** Cases that were tried, all of them right. */
  readonly cases: number;
  readonly worstError: number;
  readonly tolerance: number;
  /** Whether the backend runs it itself, or as the composition of basic operations. */
  readonly implementation: "own" | "reference";
}

export interface ConformanceReport {
  readonly backend: string;
  readonly device: string;
  readonly rows: readonly ConformanceRow[];
}

export function tableOf({ backend, device, rows }: ConformanceReport): string {
  const cells = [
    ["kernel", "cases", "worst error", "tolerance", "implementation"],
    ...rows.map(({ kernel, cases, worstError, tolerance, implementation }) => [
      kernel,
      String(cases),
      figure(worstError),
      figure(tolerance),
      implementation,
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [`${backend} (${device})`, ...lines].join("\n");
}

/** The rows of one kernel: its values, and its gradient where it has one. */
export function rowsOf(
  { kernel: { definition }, gradientKernel, differentiable }: KernelSuite,
  findings: { cases: number; worstError: number; gradientCases: number; worstGradientError: number },
  ownKernels: readonly string[],
): ConformanceRow[] {
  const implementation = (name: string) => (ownKernels.includes(name) ? "own" : "reference");
  const values: ConformanceRow = {
    kernel: definition.name,
    cases: findings.cases,
    worstError: findings.worstError,
    tolerance: definition.tolerance,
    implementation: implementation(definition.name),
  };
  if (definition.gradient === undefined || differentiable.length === 0) return [values];
  const gradientName = gradientKernel?.definition.name;
  const gradient: ConformanceRow = {
    kernel: gradientName ?? `${definition.name}, gradient`,
    cases: findings.gradientCases,
    worstError: findings.worstGradientError,
    tolerance: definition.gradient.tolerance,
    implementation: implementation(gradientName ?? definition.name),
  };
  return [values, gradient];
}

function figure(value: number): string {
  return value === 0 ? "0" : value.toExponential(1);
}
