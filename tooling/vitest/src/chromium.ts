import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import type { ProvidedContext } from "vitest";
import type { TestProjectInlineConfiguration, ViteUserConfig } from "vitest/config";
import { nodeProject } from "./index.js";
import { chromiumFlags, chromiumPath } from "./machine.js";

export interface NodeAndChromiumOptions {
  /** What the tests in Chromium get by `inject`: they read no files. */
  readonly provide?: Partial<ProvidedContext>;
  readonly timeoutMs?: number;
  /** Where the tests for Node are; defaults to `test/node`. */
  readonly nodeTests?: string;
  /** A module with a global setup for the tests in Chromium, such as a server. */
  readonly chromiumSetup?: string;
  /** Serves the page isolated from other origins, which is where a browser lets threads share memory. */
  readonly isolated?: boolean;
}

/**
 * The settings of a package whose tests run in Node and in Chromium (`test/browser`). Where there is no
 * Chromium one skipped test says so.
 */
export function nodeAndChromium(options: NodeAndChromiumOptions = {}): ViteUserConfig {
  const { provide = {}, timeoutMs = 120_000, isolated = false, nodeTests = "test/node", chromiumSetup } = options;
  const timeouts = { testTimeout: timeoutMs, hookTimeout: timeoutMs };
  const inNode: TestProjectInlineConfiguration = {
    extends: false,
    test: { name: "node", include: [`${nodeTests}/*.test.ts`], ...timeouts },
  };
  const executablePath = chromiumPath();
  if (executablePath === undefined) return nodeProject({ test: { projects: [inNode, withoutChromium] } });
  const inChromium: TestProjectInlineConfiguration = {
    extends: false,
    ...(isolated && { server: { headers: isolation } }),
    test: {
      name: "chromium",
      include: ["test/browser/*.test.ts"],
      ...timeouts,
      provide,
      ...(chromiumSetup && { globalSetup: chromiumSetup }),
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath, args: [...chromiumFlags] } }),
        instances: [{ browser: "chromium" }],
      },
    },
  };
  return nodeProject({ test: { projects: [inNode, inChromium] } });
}

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const withoutChromium: TestProjectInlineConfiguration = {
  extends: false,
  test: { name: "no-browser", dir: "/", include: [fileURLToPath(new URL("../no-browser/*.test.ts", import.meta.url))] },
};
