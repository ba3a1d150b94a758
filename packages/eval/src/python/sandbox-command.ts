/** How the sandbox's process is started. Node only. */
import { SstError } from "@sst/tensor";

export interface SandboxCommand {
  readonly file: string;
  readonly parameters: readonly string[];
}

/** @throws SstError `file-not-found` where Pyodide is not installed */
export async function sandboxCommand(limits: {
  readonly timeLimitMs: number;
  readonly startLimitMs: number;
  readonly memoryBytes: number;
}): Promise<SandboxCommand> {
  const { realpath } = await import("node:fs/promises");
  const { fileURLToPath } = await import("node:url");
  const pyodide = await pyodideFolder();
  const script = await realpath(fileURLToPath(new URL("./sandbox-process.mjs", import.meta.url)));
  const parameters = [
    "--permission",
    `--allow-fs-read=${pyodide}`,
    `--allow-fs-read=${script}`,
    "--disallow-code-generation-from-strings",
    // A signal that would open a debugger's port.
    "--disable-sigusr1",
    `--max-old-space-size=${JAVASCRIPT_MEGABYTES}`,
    "--no-warnings",
    script,
    pyodide,
    String(limits.memoryBytes),
  ];
  if (process.platform === "win32") return { file: process.execPath, parameters };
  // Should this process be killed, nobody is left to end a program that loops: so the system itself limits its time.
  const seconds = Math.ceil((limits.startLimitMs + limits.timeLimitMs) / 1000);
  const limited = `ulimit -t ${seconds}; ulimit -c 0; exec "$0" "$@"`;
  return { file: "/bin/sh", parameters: ["-c", limited, process.execPath, ...parameters] };
}

/** Of Pyodide's own objects; those of Python lie in WebAssembly's memory. */
const JAVASCRIPT_MEGABYTES = 256;

async function pyodideFolder(): Promise<string> {
  const { createRequire } = await import("node:module");
  const { realpath } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  try {
    return await realpath(dirname(createRequire(import.meta.url).resolve("pyodide/package.json")));
  } catch (cause) {
    throw new SstError(
      "file-not-found",
      "programs in Python run in Pyodide, which is not installed: add it with `npm install pyodide`",
      { cause },
    );
  }
}
