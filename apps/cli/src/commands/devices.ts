/** `sst devices`: what there is to run on. */
import { type Device, devices } from "@sst/tensor";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../arguments.js";
import { openBackend } from "../backend.js";

export function devicesCommand(): Command {
  const command = new Command("devices").description(
    "List the devices to run on with what they can do, and say which one would be taken and why",
  );
  return withCommonOptions(command).action(async ({ backend, json }: CommonOptions) => {
    const taken = await openBackend(backend);
    const all = await devices({ bringToLife: true });
    if (json) {
      const { backend: name, because, passedOver } = taken;
      process.stdout.write(`${JSON.stringify({ taken: name, because, passedOver, devices: all })}\n`);
      return;
    }
    process.stdout.write(`${taken.backend} is taken: ${taken.because}\n`);
    for (const { backend: name, reason } of taken.passedOver) process.stdout.write(`  not ${name}: ${reason}\n`);
    for (const device of all) process.stdout.write(`\n${device.backend}\n${linesOf(device).join("")}`);
  });
}

function linesOf({ availability, live }: Device): string[] {
  if (!availability.available) return [`  not available: ${availability.reason}\n`];
  return Object.entries(live ? describe(live) : {}).map(([name, values]) => `  ${name.padEnd(14)} ${values}\n`);
}

function describe(live: NonNullable<Device["live"]>): Record<string, string> {
  const { description, dataTypes, features, limits } = live.capabilities;
  return {
    "what it is": description,
    "data types": dataTypes.join(", "),
    features: features.join(", ") || "none",
    limits:
      Object.entries(limits)
        .map(([name, value]) => `${name} ${value}`)
        .join(", ") || "memory alone",
    "own kernels": live.ownKernels.join(", ") || "none: compositions of basic operations run",
    "bytes in use": String(live.bytesInUse),
  };
}
