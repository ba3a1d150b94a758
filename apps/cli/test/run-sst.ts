/** The command line as a user runs it: its own process, its exit code and both of its outputs. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));

export function sst(...parameters: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 256 * 1024 * 1024, env: { ...process.env, SST_BACKEND: "" } };
    execFile(process.execPath, [program, ...parameters], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
