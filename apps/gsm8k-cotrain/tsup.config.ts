import { preset } from "@sst/tsup-config";

export default preset({
  entry: ["src/main.ts", "src/worker.ts", "src/search/search.ts", "src/search/search-page.ts"],
  dts: false,
});
