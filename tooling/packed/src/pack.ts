/** Tarballs as `pnpm publish` would upload them. */
import { execFile } from "node:child_process";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { publishablePackages, workspaceRoot } from "./workspace.js";

/** What the tests get: plain data, since it travels from the setup to where they run. */
export interface Packed {
  /** For everything that a run makes; the tarballs are in `tarballs/` in it. */
  readonly folder: string;
  /** File names by package name. */
  readonly tarballs: Readonly<Record<string, string>>;
}

export async function packWorkspace(folder: string): Promise<Packed> {
  const filters = publishablePackages().flatMap(({ name }) => ["--filter", name]);
  const [program, first, shell] = pnpm();
  const args = [...first, ...filters, "pack", "--json", "--pack-destination", join(folder, "tarballs")];
  const { stdout } = await promisify(execFile)(program, args, { cwd: workspaceRoot, shell }).catch((error) => {
    // What went wrong is part of the JSON.
    throw new Error(`pnpm pack failed:\n${error.stdout}`, { cause: error });
  });
  const packed = JSON.parse(stdout) as { name: string; filename: string }[];
  const tarballs = packed.map(({ name, filename }) => [name, basename(filename)] as const);
  return { folder, tarballs: Object.fromEntries(tarballs) };
}

/** The pnpm that started us, otherwise the one in PATH (on Windows a batch file, which only a shell can start). */
function pnpm(): [program: string, args: string[], shell: boolean] {
  const script = process.env.npm_execpath ?? "";
  return /pnpm\.[cm]?js$/.test(script)
    ? [process.execPath, [script], false]
    : ["pnpm", [], process.platform === "win32"];
}
