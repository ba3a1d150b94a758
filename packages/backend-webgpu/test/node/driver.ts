/** Whether there is a device for the tests in Node; where there is no GPU, the driver in software that comes with Chromium. */
import { webgpuBackend } from "@sst/backend-webgpu";
import { vulkanDriver } from "@sst/vitest-config/helpers";

// Dawn reads it when it is loaded.
const driver = vulkanDriver();
if (driver !== undefined) process.env.VK_DRIVER_FILES = driver;

const availability = await webgpuBackend.isAvailable();

export const isAvailable = availability.available;
export const reason = availability.available
  ? ""
  : `${availability.reason} (Debian's chromium has a driver in software)`;
