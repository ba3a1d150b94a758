/** The peers: their own npm package beside ours, installed when something is measured against them. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { EngineCommand } from "./engine/engine-process.js";
import type { NotRun } from "./engine/rounds.js";
import { runProgram } from "./run-program.js";

const folder = resolve(import.meta.dirname, "../peers");

/** Whether the peers are there, and where from. */
export interface Peers {
  /** Of the packages that were asked for, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** A peer's script, run by our Node. */
  script(name: string, args?: readonly string[]): EngineCommand | NotRun;
  /** A file below the peers' folder. */
  path(...parts: string[]): string;
}

/** Installs what is not installed yet. Where that fails, the peers' scripts do not run, and say so. */
export async function installPeers(): Promise<Peers> {
  const failure = await install().then(
    () => undefined,
    (error: Error): NotRun => ({ notRun: error.message }),
  );
  return {
    versions: failure === undefined ? installedVersions() : {},
    script: (name, args = []) => failure ?? { program: process.execPath, args: [join(folder, name), ...args] },
    path: (...parts) => join(folder, ...parts),
  };
}

async function install(): Promise<void> {
  const stamp = join(folder, "node_modules", ".installed");
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  // Not `npm ci`: that refuses a lockfile that was made where other platforms' optional packages could not be had.
  const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  // Whoever runs a script through npm or pnpm tells it which folder it works in, which is not this one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => key !== "npm_config_local_prefix"));
  await runProgram("npm", args, { cwd: folder, env, shell: process.platform === "win32" });
  writeFileSync(stamp, wanted);
}

function fingerprint(): string {
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json"]) hash.update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

function installedVersions(): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return Object.fromEntries(
    Object.keys(dependencies).map((name) => {
      const { version } = JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8"));
      return [name, version as string];
    }),
  );
}
