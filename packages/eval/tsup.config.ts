import { preset } from "@sst/tsup-config";

export default [
  preset(),
  // Node starts it by its path and may read no package.json: so its name says what kind of module it is.
  preset({
    entry: ["src/python/sandbox-process.ts"],
    outExtension: () => ({ js: ".mjs" }),
    dts: false,
    clean: false,
  }),
];
