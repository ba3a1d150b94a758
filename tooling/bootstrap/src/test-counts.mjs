/** Each package's test run leaves its counts in a folder (see tooling/vitest); here they are summed. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tools.mjs";

export const testCountsFolder = join(root, "node_modules", ".sst", "tests");

export function clearTestCounts(folder = testCountsFolder) {
  rmSync(folder, { recursive: true, force: true });
}

export function sumTestCounts(folder = testCountsFolder) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const counts = JSON.parse(readFileSync(join(folder, name), "utf8"));
    for (const key of Object.keys(sum)) sum[key] += counts[key];
  }
  return sum;
}
