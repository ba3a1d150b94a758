/** Where WebAssembly is absent, plain JavaScript takes over: the same suite, on compositions alone. */
import { runConformance } from "@sst/tensor/conformance";
import { describe, test, vi } from "vitest";

vi.stubGlobal("WebAssembly", undefined);
await import("@sst/backend-cpu");

runConformance({ backend: "cpu", describe, test });
