/** The command line as a user runs it: its own process, its exit code and both of its outputs. */
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
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

export interface Interrupted {
  readonly code: number | null;
  readonly stderr: string;
}

/** Ctrl-C as soon as a step was made. */
export function interrupted(...parameters: string[]): Promise<Interrupted> {
  const child = spawn(process.execPath, [program, ...parameters], { env: { ...process.env, SST_BACKEND: "" } });
  let stderr = "";
  child.stderr.on("data", (piece: Buffer) => {
    if (!stderr.includes("step 1/") && String(piece).includes("step 1/")) child.kill("SIGINT");
    stderr += piece;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stderr })));
}

/** The command line that a message gives, without the program's name. */
export function commandIn(stderr: string): string[] {
  return (/Resume with: sst (.*)/.exec(stderr)?.[1] ?? "").split(" ").map((word) => word.replaceAll("'", ""));
}

/** What a run has logged, by lines. */
export const logOf = (folder: string) =>
  readFileSync(join(folder, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
