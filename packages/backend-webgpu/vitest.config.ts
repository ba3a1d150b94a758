import { nodeProject } from "@sst/vitest-config";
import { chromiumFlags, chromiumPath, sharedGolden } from "@sst/vitest-config/machine";
import { playwright } from "@vitest/browser-playwright";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { readGoldenModels } from "./test/golden-files.js";

const chromium = chromiumPath();
const goldenModels = readGoldenModels(sharedGolden());
const timeouts = { testTimeout: 120_000, hookTimeout: 120_000 };

const inNode: TestProjectInlineConfiguration = {
  extends: false,
  test: { name: "node", include: ["test/node/*.test.ts"], ...timeouts },
};

const inChromium: TestProjectInlineConfiguration = {
  extends: false,
  test: {
    name: "chromium",
    include: ["test/browser/*.test.ts"],
    ...timeouts,
    provide: { goldenModels },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath: chromium as string, args: [...chromiumFlags] } }),
      instances: [{ browser: "chromium" }],
    },
  },
};

/** One skipped test, which says that there is no Chromium. */
const withoutChromium: TestProjectInlineConfiguration = {
  extends: false,
  test: { name: "no-browser", include: ["test/no-browser/*.test.ts"] },
};

export default nodeProject({ test: { projects: [inNode, chromium === undefined ? withoutChromium : inChromium] } });
