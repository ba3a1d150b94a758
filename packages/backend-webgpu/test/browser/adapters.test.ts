/** What the plugin says of a browser's adapters. Chromium runs on SwiftShader here, a software adapter. */
import { createWebgpuBackend, webgpuBackend } from "@sst/backend-webgpu";
import { afterEach, expect, test } from "vitest";

/** Puts something in the place of `navigator.gpu`. */
function pretend(gpu: unknown): void {
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
}

afterEach(() => {
  Reflect.deleteProperty(navigator, "gpu");
});

test("a software adapter is no reason to leave the CPU", async () => {
  expect(webgpuBackend.priority).toBeGreaterThan(10);
  expect(await webgpuBackend.isAvailable()).toMatchObject({ available: false, code: "software-adapter" });
});

test("who wants a software adapter gets it, behind the CPU", async () => {
  const backend = createWebgpuBackend({ softwareAdapter: true });
  expect(backend.priority).toBeLessThan(10);
  expect(await backend.isAvailable()).toEqual({ available: true });
});

test("a browser without WebGPU has a typed reason", async () => {
  pretend(undefined);
  expect(await webgpuBackend.isAvailable()).toMatchObject({ available: false, code: "no-webgpu" });
});

test("a browser without an adapter has a typed reason", async () => {
  pretend({ requestAdapter: async () => null });
  expect(await webgpuBackend.isAvailable()).toMatchObject({ available: false, code: "no-adapter" });
});
