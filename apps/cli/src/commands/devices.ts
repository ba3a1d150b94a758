/** `sst devices`: what there is to run on. */
import { devices, type ReadyDevice } from "@sst/tensor";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../arguments.js";
import { openBackend } from "../backend.js";

export function devicesCommand(): Command {
  const command = new Command("devices").description("List the devices to run on, and say which one would be taken");
  return withCommonOptions(command).action(async ({ backend, json }: CommonOptions) => {
    const taken = await openBackend(backend);
    const all = await devices();
    if (json) {
      const { backend: name, because, passedOver } = taken;
      process.stdout.write(`${JSON.stringify({ taken: name, because, passedOver, devices: all })}\n`);
      return;
    }
    for (const { backend: name, availability, live } of all) {
      const state = availability.available
        ? (live?.capabilities.description ?? "available")
        : `not available: ${availability.reason}`;
      process.stdout.write(`${name === taken.backend ? "*" : " "} ${name.padEnd(8)} ${state}\n`);
    }
    process.stdout.write(`\n${taken.backend} is taken: ${taken.because}\n`);
    for (const [name, values] of Object.entries(describe(taken)))
      process.stdout.write(`  ${name.padEnd(14)} ${values}\n`);
  });
}

function describe({ live }: ReadyDevice): Record<string, string> {
  const { dataTypes, features, limits } = live.capabilities;
  return {
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
