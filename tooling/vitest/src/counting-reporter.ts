import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from "vitest/node";
import type {} from "./conformance.js";

/** What one package's run comes to. */
export interface TestCounts {
  passed: number;
  /** A line for each failed test, test file that could not be run, and error outside of any test. */
  failed: string[];
  skipped: number;
}

/**
 * Accounts for every test: says which were skipped and why, leaves counts and failures as JSON where `npm test` sums
 * them (`SST_TEST_SUMMARY_DIR`), and fails the run for skipped tests where none may be (`SST_FAIL_ON_SKIP=1`, in CI). What the
 * conformance suite found goes into a folder of its own (`SST_CONFORMANCE_DIR`), where the documentation's table is made.
 */
export class CountingReporter implements Reporter {
  #folder = process.cwd();

  onInit(vitest: Vitest): void {
    this.#folder = vitest.config.root;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const counts: TestCounts = { passed: 0, failed: unhandledErrors.map(firstLine), skipped: 0 };
    const skipped: string[] = [];
    const reports: object[] = [];
    for (const module of modules) {
      const failed: string[] = [];
      for (const test of module.children.allTests()) {
        const result = test.result();
        const { conformance } = test.meta();
        if (conformance) reports.push({ ...conformance, project: test.project.name });
        if (result.state === "passed") counts.passed++;
        else if (result.state === "failed") failed.push(lineOf(test, firstLine(result.errors[0])));
        else {
          counts.skipped++;
          skipped.push(lineOf(test, (result.state === "skipped" && result.note) || "no reason given"));
        }
      }
      if (module.state() === "failed" && failed.length === 0) {
        failed.push(`${module.relativeModuleId}: ${firstLine(module.errors()[0])}`);
      }
      counts.failed.push(...failed);
    }

    for (const line of skipped) console.log(`skipped: ${line}`);
    const folder = process.env.SST_TEST_SUMMARY_DIR ?? join(this.#folder, "node_modules", ".sst");
    this.#write(folder, counts);
    if (process.env.SST_CONFORMANCE_DIR && reports.length > 0) this.#write(process.env.SST_CONFORMANCE_DIR, reports);
    if (process.env.SST_FAIL_ON_SKIP === "1" && counts.skipped > 0) {
      console.error(`${counts.skipped} skipped, and no test may be skipped here (SST_FAIL_ON_SKIP=1)`);
      process.exitCode = 1;
    }
  }

  /** Under the package's name. */
  #write(folder: string, content: object): void {
    const { name } = JSON.parse(readFileSync(join(this.#folder, "package.json"), "utf8")) as { name: string };
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${name.replaceAll("/", "+")}.json`), `${JSON.stringify(content)}\n`);
  }
}

function lineOf(test: TestCase, why: string): string {
  return `${test.module.relativeModuleId} > ${test.fullName}: ${why}`;
}

function firstLine(error: { readonly message: string } | undefined): string {
  return error?.message.split("\n", 1)[0] ?? "no reason given";
}
