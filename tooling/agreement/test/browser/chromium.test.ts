/** WebGPU in Chromium, on an adapter in software where there is no GPU. */
import "@sst/backend-cpu";
import { createWebgpuBackend } from "@sst/backend-webgpu";
import { registerBackend } from "@sst/tensor";
import { agreesWithCpu } from "../agreement.js";
import { noticesBreakdownsOn } from "../breakdowns.js";

registerBackend(createWebgpuBackend({ softwareAdapter: true }), { replace: true });

agreesWithCpu("webgpu");
noticesBreakdownsOn("webgpu");
