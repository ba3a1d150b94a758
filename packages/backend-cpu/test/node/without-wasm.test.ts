/** Where WebAssembly is absent, plain JavaScript takes over: the same suite, on compositions alone. */
import { runConformance } from "@sst/tensor/conformance";
import { conformanceTests } from "@sst/vitest-config/conformance";
import { vi } from "vitest";

vi.stubGlobal("WebAssembly", undefined);
await import("@sst/backend-cpu");

conformanceTests(runConformance, "cpu");
