/** What the workspace has to publish, and which versions of others' packages it is tested with. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const workspaceRoot = resolve(import.meta.dirname, "../../..");

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly files?: readonly string[];
  readonly exports?: unknown;
  readonly bin?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The package.json files of all packages that are not private. */
export function publishablePackages(): Manifest[] {
  return ["packages", "apps", "tooling"]
    .flatMap((group) => readdirSync(join(workspaceRoot, group)).map((name) => join(workspaceRoot, group, name)))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map(readManifest)
    .filter((manifest) => !manifest.private);
}

/** This package's own package.json. */
export const ownManifest = (): Manifest => readManifest(resolve(import.meta.dirname, ".."));

/** The version of a development dependency of this package: the workspace's catalog has chosen it. */
export function testedVersion(name: string): string | undefined {
  const folder = resolve(import.meta.dirname, "../node_modules", name);
  return existsSync(folder) ? readManifest(folder).version : undefined;
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}
