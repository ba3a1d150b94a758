/** `sst devices`: what there is to run on. */
import { devices } from "@sst/tensor";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../arguments.js";
import { openBackend } from "../backend.js";

export function devicesCommand(): Command {
  const command = new Command("devices").description("List the devices to run on, and say which one would be taken");
  return withCommonOptions(command).action(async ({ backend, json }: CommonOptions) => {
    const taken = await openBackend(backend);
    const all = await devices();
    if (json) {
      process.stdout.write(`${JSON.stringify({ taken: taken.backend, devices: all })}\n`);
      return;
    }
    for (const { backend: name, availability, description } of all) {
      const state = availability.available ? (description ?? "available") : `not available: ${availability.reason}`;
      process.stdout.write(`${name === taken.backend ? "*" : " "} ${name.padEnd(8)} ${state}\n`);
    }
  });
}
