import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";

const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const counts = mkdtempSync(join(tmpdir(), "sst-vitest-"));
afterAll(() => rmSync(counts, { recursive: true }));

/** Runs those tests of `fixture/` whose files' names begin so. */
function runFixture(files: "skipped" | "failing", env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, "run", files, "--root", "test/fixture"], {
    encoding: "utf8",
    env: { ...process.env, SST_TEST_SUMMARY_DIR: counts, ...env },
  });
  const summary = JSON.parse(readFileSync(join(counts, "@sst+fixture.json"), "utf8"));
  return { status, output: stdout + stderr, summary };
}

test("skipped tests are shown with their reasons and counted", () => {
  const { status, output, summary } = runFixture("skipped", { SST_FAIL_ON_SKIP: "" });
  expect(output).toContain("skipped: skipped.fixture.ts > needs a second moon: there is no second moon");
  expect(output).toContain("needs a third moon > all of it: there is no third moon");
  expect(status).toBe(0);
  expect(summary).toEqual({ passed: 2, failed: [], skipped: 2 });
});

test("where no test may be skipped, a skipped one fails the run", () => {
  const { status, output } = runFixture("skipped", { SST_FAIL_ON_SKIP: "1" });
  expect(output).toContain("2 skipped, and no test may be skipped here");
  expect(status).toBe(1);
});

test("tests that fail, files that cannot be run and errors outside of tests are named, each with its reason", () => {
  const { status, summary } = runFixture("failing");
  expect(status).toBe(1);
  expect({ ...summary, failed: summary.failed.toSorted() }).toEqual({
    passed: 2,
    failed: [
      "failing-file.fixture.ts: no such moon",
      "failing-test.fixture.ts > does not hold: the moon is full",
      "the tide came late",
    ],
    skipped: 0,
  });
});
