import { mergeConfig, type ViteUserConfig } from "vitest/config";
import { CountingReporter } from "./counting-reporter.js";

export { CountingReporter } from "./counting-reporter.js";

/** The settings of a package whose tests run in Node; `overrides` add what a package needs otherwise. */
export function nodeProject(overrides: ViteUserConfig = {}): ViteUserConfig {
  const base: ViteUserConfig = {
    // The helpers use the vitest of the package that runs them.
    resolve: { dedupe: ["vitest"] },
    test: {
      include: ["{src,test}/**/*.test.{ts,mjs}"],
      passWithNoTests: true,
      // Tests train and generate; a slow machine should not fail them.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      reporters: ["default", new CountingReporter()],
    },
  };
  return mergeConfig(base, overrides);
}
