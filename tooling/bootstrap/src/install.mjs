/** Installing and building, each only where something has changed. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustRun } from "./run.mjs";
import { childEnvironment, fetchTools, hasTools, pnpmScript, readyNode, root } from "./tools.mjs";

/** What was installed last, kept where it goes away together with what was installed. */
const stamp = join(root, "node_modules", ".sst", "installed");

/** What decides the outcome of an installation, as one hash: the lockfile, the workspace and all package.json files. */
export function installationFingerprint(folder = root) {
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
  for (const group of ["apps", "packages", "tooling"]) {
    if (!existsSync(join(folder, group))) continue;
    for (const name of readdirSync(join(folder, group)).sort()) files.push(join(group, name, "package.json"));
  }
  const hash = createHash("sha256");
  for (const file of files.filter((file) => existsSync(join(folder, file)))) {
    hash.update(`${file}\0${readFileSync(join(folder, file), "utf8")}\0`);
  }
  return hash.digest("hex");
}

export const isSetUp = () => hasTools() && existsSync(stamp);

export async function install(options = {}) {
  await fetchTools(options);
  if (isSetUp() && readFileSync(stamp, "utf8") === installationFingerprint()) return;
  console.error("installing …");
  await mustRun("pnpm install", readyNode(), [pnpmScript, "install", "--config.confirmModulesPurge=false"], {
    cwd: root,
    env: childEnvironment(),
    ...options,
  });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, installationFingerprint());
}

/** Turbo builds what has changed: everything, or only what the named packages and those that they use need to run. */
async function build({ toRun, ...options }) {
  const turbo = join(root, "node_modules", "turbo", "bin", "turbo");
  const wanted = toRun ? ["bundle", ...toRun.map((name) => `--filter=${name}...`)] : ["build"];
  await mustRun("the build", readyNode(), [turbo, "run", ...wanted], {
    cwd: root,
    env: childEnvironment(),
    ...options,
  });
}

export async function setUp({ toRun, ...options } = {}) {
  await install(options);
  await build({ toRun, ...options });
}
