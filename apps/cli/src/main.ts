#!/usr/bin/env node
/** The command `sst`: one file per subcommand under `commands/`. */
import { Command } from "commander";
import { chatCommand } from "./commands/chat.js";
import { convertCommand } from "./commands/convert.js";
import { cotrainCommand } from "./commands/cotrain.js";
import { devicesCommand } from "./commands/devices.js";
import { evalCommand } from "./commands/eval.js";
import { generateCommand } from "./commands/generate.js";
import { inspectCommand } from "./commands/inspect.js";
import { logitsCommand } from "./commands/logits.js";
import { planCommand } from "./commands/plan.js";
import { probeCommand } from "./commands/probe.js";
import { serveCommand } from "./commands/serve.js";
import { trainCommand } from "./commands/train.js";
import { fail } from "./errors.js";

const program = new Command("sst")
  .description("Train, co-train, run and look into State Stream Transformers")
  .showHelpAfterError("(add --help for usage)");
for (const command of [
  devicesCommand,
  planCommand,
  convertCommand,
  generateCommand,
  inspectCommand,
  chatCommand,
  serveCommand,
  logitsCommand,
  trainCommand,
  cotrainCommand,
  evalCommand,
  probeCommand,
]) {
  program.addCommand(command());
}
// A reader that goes away (`sst … | head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
program.parseAsync().catch(fail);
