import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";

export function nodeProject(overrides: ViteUserConfig = {}): ViteUserConfig {
  return mergeConfig(defineConfig({ test: { environment: "node", passWithNoTests: true, testTimeout: 60_000, hookTimeout: 60_000 } }), overrides);
}
