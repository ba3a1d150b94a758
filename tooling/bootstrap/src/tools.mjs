/**
 * The Node and the pnpm that the workspace needs. A Node that is new enough is used as it is; otherwise, and always for
 * pnpm (its version decides how the lockfile is read), npm puts the pinned version into `.tools/`, once.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "./run.mjs";

export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

const windows = process.platform === "win32";
const tools = join(root, ".tools");

/** npm's packages of Node's programs, one a platform: each platform has Node 22 there, these have Node 24 too. */
const platform = `${windows ? "win" : process.platform}-${process.arch}`;
const nodePackage = platform === "darwin-arm64" ? `node-bin-${platform}` : `node-${platform}`;
const nodeVersion = ["linux-x64", "linux-arm64", "win-x64"].includes(platform) ? "24.21.0" : "22.23.2";
const toolsNode = join(tools, "node_modules", nodePackage, "bin", windows ? "node.exe" : "node");

export const pnpmScript = join(tools, "node_modules", "pnpm", "bin", "pnpm.cjs");

/** Whether a Node of this version (such as "v24.11.0") runs the workspace; as `engines` in package.json says. */
export function isSupportedNode(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return (major === 22 && minor >= 18) || (major === 24 && minor >= 11) || major >= 26;
}

/** The Node that runs everything; there once `fetchTools` has been through. */
export const readyNode = () => (isSupportedNode(process.version) ? process.execPath : toolsNode);

export const hasTools = () => existsSync(readyNode());

/** The environment of child processes: our Node and pnpm come first in PATH. */
export function childEnvironment() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  env[pathKey] = [dirname(readyNode()), join(tools, "node_modules", ".bin"), env[pathKey] ?? ""].join(delimiter);
  return env;
}

/** Installs what is missing into `.tools/`. */
export async function fetchTools(options) {
  const wanted = [["pnpm", pinnedPnpm()]];
  if (readyNode() === toolsNode) wanted.push([nodePackage, nodeVersion]);
  const missing = wanted.filter(([name, version]) => installedVersion(name) !== version);
  if (missing.length === 0) return;

  const names = missing.map(([name, version]) => `${name}@${version}`);
  console.error(`fetching ${names.join(" and ")} into .tools/ …`);
  mkdirSync(tools, { recursive: true });
  if (!existsSync(join(tools, "package.json"))) writeFileSync(join(tools, "package.json"), '{ "private": true }\n');
  // `npm run` tells its children which folder it works in, which is not ours.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => key !== "npm_config_local_prefix"));
  const [program, first, shell] = npm();
  const args = [...first, "install", "--save-exact", "--no-audit", "--no-fund", "--loglevel=error", ...names];
  await mustRun("fetching tools with npm", program, args, { cwd: tools, env, shell, ...options });
}

/** The npm that started us, otherwise the one in PATH (on Windows a batch file, which only a shell can start). */
function npm() {
  const script = process.env.npm_execpath ?? "";
  return /npm-cli\.c?js$/.test(script) ? [process.execPath, [script], false] : ["npm", [], windows];
}

const pinnedPnpm = () => readJson(join(root, "package.json")).packageManager.replace("pnpm@", "");

function installedVersion(name) {
  const file = join(tools, "node_modules", name, "package.json");
  return existsSync(file) ? readJson(file).version : undefined;
}

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));
