import { copyFile } from "node:fs/promises";
import { preset } from "@sst/tsup-config";

export default [
  preset({ entry: ["src/main.ts"], dts: false, clean: ["!watch/**"] }),
  // The page that `--watch` serves, with all that it needs.
  preset({
    entry: ["src/watch/page/page.ts"],
    outDir: "dist/watch",
    platform: "browser",
    target: "es2023",
    dts: false,
    sourcemap: false,
    noExternal: [/./],
    onSuccess: () => copyFile("src/watch/page/index.html", "dist/watch/index.html"),
  }),
];
