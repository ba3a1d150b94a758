/** What npm has installed, and from where, as its lockfile says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly resolved?: string }>>;
}

/** Where copies of packages of that name (or beginning) lie, by folder in the project. */
function installed(project: string, matches: (name: string) => boolean): [folder: string, from: string | undefined][] {
  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as Lockfile;
  return Object.entries(packages)
    .filter(([folder]) => matches(folder.split("node_modules/").at(-1) as string))
    .map(([folder, { resolved }]) => [folder, resolved]);
}

/** Packages of a scope that did not come from a file. @throws where none of that scope is installed */
export function lookedUp(project: string, scope: string): string[] {
  const found = installed(project, (name) => name.startsWith(`${scope}/`));
  if (found.length === 0) throw new Error(`${project} has nothing of ${scope}`);
  return found.filter(([, from]) => !from?.startsWith("file:")).map(([folder]) => folder);
}

/** How often a package is installed. */
export function copies(project: string, name: string): number {
  return installed(project, (each) => each === name).length;
}
