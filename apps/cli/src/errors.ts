/** How the command line ends when something is wrong: one clear line and exit code 1. */
import { SstError } from "@sst/tensor";

export function fail(error: unknown): never {
  if (error instanceof SstError) {
    process.stderr.write(`error: ${error.message.replaceAll("\n", " ")}\n`);
  } else {
    // Not foreseen, so a defect of ours: the stack says where.
    process.stderr.write(`error: ${error instanceof Error ? error.stack : String(error)}\n`);
  }
  process.exit(1);
}
