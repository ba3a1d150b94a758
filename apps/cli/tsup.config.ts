import { copyFile } from "node:fs/promises";
import { preset } from "@sst/tsup-config";

/** What runs in a browser, with all that it needs. */
const page = {
  platform: "browser" as const,
  target: "es2023",
  dts: false,
  sourcemap: false,
  noExternal: [/./],
};

export default [
  preset({ entry: ["src/main.ts"], dts: false, clean: ["!watch/**", "!inspection/**"] }),
  // The page that `--watch` serves.
  preset({
    ...page,
    entry: ["src/watch/page/page.ts"],
    outDir: "dist/watch",
    onSuccess: () => copyFile("src/watch/page/index.html", "dist/watch/index.html"),
  }),
  // What `sst inspect` puts into its report.
  preset({ ...page, entry: ["src/inspection/page/page.ts"], outDir: "dist/inspection", minify: true }),
];
