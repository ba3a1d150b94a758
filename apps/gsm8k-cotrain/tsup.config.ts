import { preset } from "@sst/tsup-config";

export default preset({ entry: ["src/main.ts", "src/worker.ts"], dts: false });
