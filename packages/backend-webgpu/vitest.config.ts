import { nodeProject } from "@sst/vitest-config";
import { chromiumPath, sharedGolden } from "@sst/vitest-config/machine";
import { playwright } from "@vitest/browser-playwright";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { readGoldenModels } from "./test/golden-files.js";

/** WebGPU in software, also as root and without a display; no traffic of its own. */
const chromiumFlags = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

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
      provider: playwright({ launchOptions: { executablePath: chromium as string, args: chromiumFlags } }),
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
