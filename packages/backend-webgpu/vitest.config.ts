import { nodeAndChromium } from "@sst/vitest-config/chromium";
import { sharedGolden } from "@sst/vitest-config/machine";
import { readGoldenModels } from "./test/golden-files.js";

export default nodeAndChromium({
  provide: { goldenModels: readGoldenModels(sharedGolden()) },
  // All cases of one kernel on a driver in software.
  timeoutMs: 240_000,
});
