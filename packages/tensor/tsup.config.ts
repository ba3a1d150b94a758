import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { preset } from "@sst/tsup-config";
import * as engine from "@tensorflow/tfjs-core";
import type { Options } from "tsup";

/**
 * The engine's registration of gradients comes into the bundle (see src/gradients.ts), the engine itself stays outside,
 * one copy for all packages: what the gradients take from it, they get from its public face where that has it.
 */
const gradientsWithoutEngine: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "gradients-without-engine",
  setup(build) {
    const outside = { path: "@tensorflow/tfjs-core", external: true };
    build.onResolve({ filter: /^\.\.?\// }, ({ path, importer, resolveDir }) => {
      if (!/tfjs-core[\\/]dist[\\/]/.test(importer)) return undefined;
      if (path.endsWith("/engine")) return { path: "engine", namespace: "shared" };
      if (path.endsWith("/base")) return outside;
      const source = readFileSync(resolve(resolveDir, `${path}.js`), "utf8");
      const names = [...source.matchAll(/^export (?:const|function|class|let) (\w+)/gm)].map(([, name]) => name ?? "");
      const isPublic = names.length > 0 && !/^export [{*]/m.test(source) && names.every((name) => name in engine);
      return isPublic ? outside : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "shared" }, () => ({
      contents: 'import { engine } from "@tensorflow/tfjs-core"; export const ENGINE = engine();',
      resolveDir: build.initialOptions.absWorkingDir ?? process.cwd(),
    }));
  },
};

export default preset({
  entry: ["src/index.ts", "src/conformance/index.ts"],
  noExternal: ["@tensorflow/tfjs-core/dist/register_all_gradients.js"],
  esbuildPlugins: [gradientsWithoutEngine],
});
