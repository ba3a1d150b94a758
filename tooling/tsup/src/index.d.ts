import type { defineConfig, Options } from "tsup";

/** ES modules with declarations and source maps from `src/index.ts`; `options` override what a package needs otherwise. */
export function preset(options?: Options): ReturnType<typeof defineConfig>;
