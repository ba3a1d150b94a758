import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installationFingerprint } from "../src/install.mjs";
import { run } from "../src/run.mjs";
import { clearTestCounts, sumTestCounts } from "../src/test-counts.mjs";
import { isSupportedNode } from "../src/tools.mjs";

let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sst-bootstrap-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("only the versions of Node that every tool runs on are taken as they are", () => {
  expect(["v22.18.0", "v22.20.1", "v24.11.0", "v26.0.0", "v27.1.0"].filter(isSupportedNode)).toHaveLength(5);
  expect(["v16.20.0", "v20.20.2", "v22.17.9", "v23.11.0", "v24.10.0", "v25.2.0"].filter(isSupportedNode)).toEqual([]);
});

test("an installation is repeated when a package.json changes, and not when a source does", () => {
  mkdirSync(join(folder, "packages", "one"), { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, "packages", "one", "package.json"), '{ "name": "one" }');
  const before = installationFingerprint(folder);
  writeFileSync(join(folder, "packages", "one", "index.js"), "");
  expect(installationFingerprint(folder)).toBe(before);
  writeFileSync(join(folder, "packages", "one", "package.json"), '{ "name": "two" }');
  expect(installationFingerprint(folder)).not.toBe(before);
});

test("test counts are summed over the packages, failures named, and none is left from the run before", () => {
  writeFileSync(join(folder, "@x+a.json"), '{ "passed": 3, "failed": [], "skipped": 1 }');
  writeFileSync(
    join(folder, "b.json"),
    '{ "passed": 4, "failed": ["c.test.ts > d: e", "f.test.ts: g"], "skipped": 0 }',
  );
  expect(sumTestCounts(folder)).toEqual({
    passed: 7,
    failed: ["b: c.test.ts > d: e", "b: f.test.ts: g"],
    skipped: 1,
  });
  clearTestCounts(folder);
  expect(sumTestCounts(folder)).toEqual({ passed: 0, failed: [], skipped: 0 });
  mkdirSync(folder);
});

test("a child's exit code is handed on", async () => {
  expect(await run(process.execPath, ["-e", "process.exit(3)"])).toEqual({ code: 3 });
});
