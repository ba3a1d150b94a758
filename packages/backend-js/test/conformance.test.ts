import "@sst/backend-js";
import { runConformance } from "@sst/tensor/conformance";
import { describe, test } from "vitest";

runConformance({ backend: "js", describe, test });
