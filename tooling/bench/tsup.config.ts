import { preset } from "@sst/tsup-config";

export default preset({ entry: ["src/main.ts"], dts: false });
