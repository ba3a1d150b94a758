/** Answers on the device that it is asked for. */
import "@sst/backend-cpu";
import { createWebgpuBackend } from "@sst/backend-webgpu";
import { registerBackend } from "@sst/tensor";
import { logitsOn } from "./logits.ts";

// In software too: what is asked here is whether it is right, not whether it is fast.
registerBackend(createWebgpuBackend({ softwareAdapter: true }), { replace: true });

self.addEventListener("message", async ({ data: backend }: MessageEvent<string>) => {
  self.postMessage(await logitsOn(backend).catch((error) => ({ failed: String(error) })));
});
