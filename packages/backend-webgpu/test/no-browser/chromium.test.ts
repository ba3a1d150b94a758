/** Stands in for the tests in Chromium where there is none (see vitest.config.ts). */
import { test } from "vitest";

test("WebGPU in Chromium", (context) => {
  context.skip("no Chromium here (SST_CHROMIUM names one)");
});
