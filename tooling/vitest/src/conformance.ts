/** The conformance suite as vitest's tests, also in a browser; what it found reaches the reporter, which can write files. */
import { describe, test } from "vitest";

/** As much of `runConformance` of `@sst/tensor/conformance` as is needed here; this package depends on none of ours. */
type RunConformance = (options: {
  readonly backend: string;
  readonly describe: (name: string, body: () => void) => void;
  readonly test: (name: string, body: () => Promise<void>) => void;
  readonly onReport: (report: ConformanceReport) => void;
}) => void;

/** What a run of the suite found. */
export interface ConformanceReport {
  readonly backend: string;
  readonly device: string;
  readonly rows: readonly {
    readonly kernel: string;
    readonly cases: number;
    readonly worstError: number;
    readonly tolerance: number;
    readonly implementation: string;
  }[];
}

declare module "vitest" {
  interface TaskMeta {
    conformance?: ConformanceReport;
  }
}

export function conformanceTests(runConformance: RunConformance, backend: string): void {
  let running: { conformance?: ConformanceReport } = {};
  runConformance({
    backend,
    describe,
    test: (name, body) =>
      test(name, async ({ task }) => {
        running = task.meta;
        await body();
      }),
    onReport: (report) => {
      running.conformance = report;
    },
  });
}
