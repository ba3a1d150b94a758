/** A stranger's folder: outside the workspace, with the tarballs in the place of a registry. */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { Packed } from "./pack.js";
import { publishablePackages, testedVersion, workspaceRoot } from "./workspace.js";

export interface Ended {
  readonly command: string;
  readonly code: number | null;
  /** What it said, standard output and error together. */
  readonly output: string;
}

/** Makes an empty folder beside the tarballs. */
export function emptyFolder({ folder }: Packed, name: string): string {
  const made = join(folder, name);
  mkdirSync(made);
  return made;
}

/**
 * Runs a command line as it stands in the documentation: `node`, `npm` or `npx` with arguments. In an installation our
 * packages become their tarballs, and others without a version get the one that the workspace is tested with.
 */
export function run(command: string, cwd: string, packed: Packed): Promise<Ended> {
  const [name = "", ...words] = command.split(/\s+/);
  const args = name === "npm" && words[0] === "install" ? installation(words, packed) : words;
  const program = name === "node" ? process.execPath : name;
  // On Windows npm and npx are batch files, which only a shell can start.
  const shell = process.platform === "win32" && name !== "node";
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, shell, env: strangersEnvironment(), timeout: 240_000 });
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => said.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ command, code, output: Buffer.concat(said).toString("utf8") }));
  });
}

/** As `run`; anything but success is an error that shows what was said. */
export async function mustRun(command: string, cwd: string, packed: Packed): Promise<Ended> {
  const ended = await run(command, cwd, packed);
  if (ended.code !== 0) throw new Error(`${command} ended with ${ended.code}:\n${ended.output}`);
  return ended;
}

/** This process' environment without what pnpm, turbo and vitest have put there, and without the workspace's programs. */
export function strangersEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(npm_(?!config_)|npm_config_(local_prefix|user_agent)$|pnpm_|turbo_|vitest|test$|node_(env|path|options)$|force_color$|init_cwd$)/i;
  const kept = Object.entries(process.env).filter(([key]) => !ours.test(key));
  const env: NodeJS.ProcessEnv = Object.fromEntries(kept);
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  const programs = (env[pathKey] ?? "").split(delimiter).filter((folder) => !folder.startsWith(workspaceRoot));
  env[pathKey] = [dirname(process.execPath), ...programs].join(delimiter);
  // Faster, and nothing else: what is in npm's cache is not asked for again, and nobody reads advertisements here.
  const quick = { npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" };
  // A connection that has stalled is given up early and tried again; npm would wait five minutes for it.
  const patient = {
    npm_config_fetch_timeout: "15000",
    npm_config_fetch_retries: "4",
    npm_config_fetch_retry_mintimeout: "1000",
    npm_config_fetch_retry_maxtimeout: "5000",
  };
  return { ...env, ...quick, ...patient, npm_config_update_notifier: "false", NO_COLOR: "1" };
}

function installation(words: readonly string[], packed: Packed): string[] {
  const replaced = words.flatMap((word) => {
    if (word in packed.tarballs) return withOwnDependencies(word).map((name) => `../tarballs/${packed.tarballs[name]}`);
    const version = testedVersion(word);
    return [version === undefined ? word : `${word}@${version}`];
  });
  return [...new Set(replaced)];
}

/** A package of ours and those that it needs: where a registry would give them, here their tarballs have to. */
function withOwnDependencies(name: string): string[] {
  const own = new Map(publishablePackages().map((manifest) => [manifest.name, manifest]));
  const needed = new Set([name]);
  for (const each of needed) {
    for (const dependency of Object.keys(own.get(each)?.dependencies ?? {})) {
      if (own.has(dependency)) needed.add(dependency);
    }
  }
  return [...needed];
}
