/** WebGPU in Node, through Dawn. */
import "@sst/backend-cpu";
import { describeWhere, vulkanDriver } from "@sst/vitest-config/helpers";
import { agreesWithCpu } from "../agreement.js";
import { noticesBreakdownsOn } from "../breakdowns.js";

// Dawn reads it when it is loaded.
const driver = vulkanDriver();
if (driver !== undefined) process.env.VK_DRIVER_FILES = driver;

const { webgpuBackend } = await import("@sst/backend-webgpu");
const availability = await webgpuBackend.isAvailable();
const reason = availability.available ? "" : availability.reason;

describeWhere(availability.available, reason, "Dawn", () => {
  agreesWithCpu("webgpu");
  noticesBreakdownsOn("webgpu");
});
