/** Each package's test run leaves its counts and failures in a folder (see tooling/vitest); here they come together. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tools.mjs";

export const testCountsFolder = join(root, "node_modules", ".sst", "tests");

export function clearTestCounts(folder = testCountsFolder) {
  rmSync(folder, { recursive: true, force: true });
}

export function sumTestCounts(folder = testCountsFolder) {
  const sum = { passed: 0, failed: [], skipped: 0 };
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    const { passed, failed, skipped } = JSON.parse(readFileSync(join(folder, file), "utf8"));
    sum.passed += passed;
    sum.skipped += skipped;
    const name = file.replace(/\.json$/, "").replace("+", "/");
    sum.failed.push(...failed.map((line) => `${name}: ${line}`));
  }
  return sum;
}
