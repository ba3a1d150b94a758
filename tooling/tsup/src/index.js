import { defineConfig } from "tsup";

/** ES modules with declarations and source maps; dependencies stay outside. */
export function preset(options = {}) {
  return defineConfig({
    entry: ["src/index.ts"],
    format: "esm",
    target: ["es2023", "node22"],
    dts: true,
    sourcemap: true,
    clean: true,
    silent: true,
    ...options,
  });
}
