/** The page of the conformance suites' findings. */
import { expect, test } from "vitest";
import { conformancePage } from "../src/conformance-page.mjs";

const row = (kernel, worstError, implementation) => ({
  kernel,
  cases: 12,
  worstError,
  tolerance: 1e-5,
  implementation,
});

test("a row for each kernel, a column for each suite, and a dash where a suite has no such kernel", () => {
  const page = conformancePage([
    { backend: "webgpu", device: "a card", project: "chromium (chromium)", rows: [row("rmsNorm", 2e-7, "own")] },
    {
      backend: "cpu",
      device: "WebAssembly",
      project: "",
      rows: [row("rmsNorm", 1.24e-7, "reference"), row("cacheWrite", 0, "own")],
    },
  ]);
  const lines = page.split("\n").filter((line) => line.startsWith("|"));
  expect(lines).toEqual([
    "| kernel     | allowed | cpu             | webgpu, Chromium |",
    "| ---------- | ------- | --------------- | ---------------- |",
    "| rmsNorm    | 1.0e-5  | 1.2e-7 ref (12) | 2.0e-7 own (12)  |",
    "| cacheWrite | 1.0e-5  | 0 own (12)      | –                |",
  ]);
  expect(page).toContain("- cpu: WebAssembly\n- webgpu, Chromium: a card\n");
});
