import { resolve } from "node:path";
import { testReadme } from "@sst/vitest-config/helpers";

testReadme(resolve(import.meta.dirname, ".."));
