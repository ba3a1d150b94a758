import { preset } from "@sst/tsup-config";

export default preset({
  entry: ["src/index.ts", "src/chromium.ts", "src/conformance.ts", "src/helpers.ts", "src/machine.ts"],
});
