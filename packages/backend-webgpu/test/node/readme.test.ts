import { join } from "node:path";
import { describeWhere, testReadme } from "@sst/vitest-config/helpers";
import { isAvailable, reason } from "./driver.js";

describeWhere(isAvailable, reason, "README", () => testReadme(join(import.meta.dirname, "../..")));
