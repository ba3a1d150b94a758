import "@sst/backend-cpu";
import { runConformance } from "@sst/tensor/conformance";
import { describe, test } from "vitest";

runConformance({ backend: "cpu", describe, test });
