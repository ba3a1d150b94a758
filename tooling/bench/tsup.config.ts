import { preset } from "@sst/tsup-config";

export default preset({ entry: ["src/main.ts", "src/peer-kit.ts", "src/workers/*.ts"], dts: false });
