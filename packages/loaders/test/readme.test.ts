import { join } from "node:path";
import { testReadme } from "@sst/vitest-config/helpers";

testReadme(join(import.meta.dirname, ".."));
