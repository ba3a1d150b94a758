import { preset } from "@sst/tsup-config";

export default preset();
