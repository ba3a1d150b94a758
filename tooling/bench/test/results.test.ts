import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeMachine } from "../src/machine.js";
import { loadResults, type Result, saveResult } from "../src/results.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bench-results-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("of each measurement the latest result is kept, in the order that is asked for", () => {
  const result = (measurement: string, title: string): Result => ({
    ...{ measurement, title, date: "", machine: describeMachine(), processorShare: null, versions: {} },
    ...{ introduction: "", tables: [{ title: "t", columns: ["c"], rows: [{ label: "r", values: [1.5, null] }] }] },
  });
  const results = join(folder, "not", "there", "yet");
  for (const each of [result("b", "first"), result("a", "other"), result("b", "second")]) saveResult(results, each);
  expect(loadResults(results, ["a", "b", "c"])).toEqual([result("a", "other"), result("b", "second")]);
});

test("without results there is nothing to load", () => {
  expect(loadResults(join(folder, "none"), ["a"])).toEqual([]);
});
