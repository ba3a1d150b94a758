/** Our own engine in a child process: the environment chooses how many threads it has. */
import { join } from "node:path";
import type { EngineCommand } from "./engine/engine-process.js";

export function ownWorker(name: string, args: readonly string[] = [], threads = 1): EngineCommand {
  return {
    program: process.execPath,
    args: [join(import.meta.dirname, "workers", `${name}.js`), ...args],
    env: { SST_THREADS: String(threads) },
  };
}
