import { preset } from "@sst/tsup-config";

export default preset({
  entry: [
    "src/main.ts",
    "src/worker.ts",
    "src/think-longer/search.ts",
    "src/think-longer/search-page.ts",
    "src/policies/measure.ts",
    "src/policies/page.ts",
  ],
  dts: false,
});
