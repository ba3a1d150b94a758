import { defineConfig } from "tsup";

/** ES modules with declarations and source maps; dependencies stay outside. */
export function preset(options = {}) {
  return defineConfig({
    entry: ["src/index.ts"],
    format: "esm",
    target: ["es2023", "node22"],
    dts: true,
    sourcemap: true,
    // Declarations are a step of their own, which takes most of the time: what only runs does not wait for them.
    clean: ["!**/*.d.ts"],
    silent: true,
    ...options,
  });
}
