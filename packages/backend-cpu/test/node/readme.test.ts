import { resolve } from "node:path";
import { testReadme } from "@sst/vitest-config/helpers";

const folder = resolve(import.meta.dirname, "../..");

testReadme(folder);
// @sst/tensor itself depends on no backend.
testReadme(resolve(folder, "../tensor"), folder);
