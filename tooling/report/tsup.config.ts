import { preset } from "@sst/tsup-config";

export default preset({ entry: ["src/index.ts", "src/page.ts"] });
