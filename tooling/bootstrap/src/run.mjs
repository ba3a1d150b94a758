/** Child processes: their exit codes and signals are ours, and Ctrl-C reaches them. */
import { spawn } from "node:child_process";

/** Windows knows neither SIGHUP nor how to die of a signal; what is not there is left out by Node. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a program to its end.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions & { quiet?: boolean }} options `quiet` keeps what the program says
 *   and shows it only if the program fails
 * @returns {Promise<{ code: number, signal?: NodeJS.Signals }>}
 */
export function run(program, args, { quiet = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit", ...options });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => said.push(chunk));

    // A terminal sends Ctrl-C to the whole group of processes, the child included: we only have to outlive it.
    const pass = (signal) => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, pass);

    const settle = (finish) => {
      for (const signal of SIGNALS) process.off(signal, pass);
      finish();
    };
    child.on("error", (error) => settle(() => reject(error)));
    child.on("close", (code, signal) =>
      settle(() => {
        if (quiet && code !== 0) process.stderr.write(Buffer.concat(said));
        resolve(signal === null ? { code: code ?? 1 } : { code: 1, signal });
      }),
    );
  });
}

/** As `run`, for steps that the rest stands on: anything but success is an error. */
export async function mustRun(what, program, args, options) {
  const ended = await run(program, args, options);
  if (ended.signal !== undefined) exitAs(ended);
  if (ended.code !== 0) throw new Error(`${what} failed (exit code ${ended.code})`);
}

/** Ends this process as its child has ended, be it by a signal. */
export function exitAs({ code, signal }) {
  if (signal !== undefined && process.platform !== "win32") process.kill(process.pid, signal);
  else process.exit(code);
}
