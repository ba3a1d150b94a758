import "@sst/backend-cpu";
import { runConformance } from "@sst/tensor/conformance";
import { conformanceTests } from "@sst/vitest-config/conformance";

conformanceTests(runConformance, "cpu");
