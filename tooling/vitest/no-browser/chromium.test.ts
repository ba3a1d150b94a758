/** Stands in for a package's tests in Chromium where there is none (see src/chromium.ts). */
import { test } from "vitest";

test("everything in Chromium", (context) => {
  context.skip("no Chromium here (SST_CHROMIUM names one)");
});
