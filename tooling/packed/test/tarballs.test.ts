/** What is in the tarballs: all that is promised, and nothing else. */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { readTarball } from "../src/tarball.js";
import { type Manifest, ownManifest, publishablePackages, workspaceRoot } from "../src/workspace.js";

const { folder, tarballs } = inject("packed");

test("every publishable package was packed, and is built before these tests run", () => {
  const names = publishablePackages()
    .map(({ name }) => name)
    .sort();
  expect(names.length).toBeGreaterThan(0);
  expect(Object.keys(tarballs).sort()).toEqual(names);
  expect(Object.keys(ownManifest().devDependencies ?? {})).toEqual(expect.arrayContaining(names));
});

const contents = await Promise.all(
  Object.entries(tarballs).map(
    async ([name, file]) => [name, await readTarball(join(folder, "tarballs", file))] as const,
  ),
);

describe.each(contents)("%s", (name, entries) => {
  const text = (path: string) => entries.get(path) ?? "";
  const manifest = JSON.parse(text("package.json")) as Manifest;

  test("has a README that says what it is and the licence of the repository", () => {
    expect(text("README.md")).toContain(`# ${name}`);
    expect(text("LICENSE")).toBe(readFileSync(join(workspaceRoot, "LICENSE"), "utf8"));
  });

  test("holds what was built, and no sources", () => {
    const always = ["package.json", "README.md", "LICENSE"];
    const promised = manifest.files ?? [];
    const paths = [...entries.keys()].filter((path) => !always.includes(path));
    for (const each of promised)
      expect(
        paths.some((path) => path.startsWith(`${each}/`)),
        each,
      ).toBe(true);
    expect(paths.filter((path) => !promised.some((each) => path.startsWith(`${each}/`)))).toEqual([]);
    expect(paths.filter((path) => /(?<!\.d)\.ts$/.test(path))).toEqual([]);
  });

  test("depends on versions, not on a workspace", () => {
    const { dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;
    for (const [dependency, version] of Object.entries({ ...devDependencies, ...dependencies, ...peerDependencies })) {
      expect(version, dependency).not.toMatch(/^(workspace|catalog|link|file):/);
    }
    for (const own of publishablePackages()) {
      expect(dependencies[own.name] ?? own.version, own.name).toBe(own.version);
    }
  });

  test("has every file that it points to", () => {
    const targets = pathsIn([manifest.exports, manifest.bin]);
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((path) => !entries.has(path))).toEqual([]);
  });

  test("declares every package that it imports", () => {
    const declared = new Set([
      name,
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}),
    ]);
    const programs = [...entries.keys()].filter((path) => /\.(js|d\.ts)$/.test(path));
    const imported = programs.flatMap((path) => importedPackages(text(path)));
    expect([...new Set(imported)].filter((each) => !declared.has(each))).toEqual([]);
  });
});

/** All relative paths in a part of a package.json. */
function pathsIn(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("./") ? [value.slice(2)] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(pathsIn) : [];
}

/** Packages that a built file imports, statically or not. */
function importedPackages(code: string): string[] {
  const specifiers = code.matchAll(
    /^(?:import|export) (?:[^"';]*? from )?["']([^"']+)["'];|\bimport\(["']([^"']+)["']\)/gm,
  );
  return [...specifiers]
    .map(([, fixed, dynamic]) => fixed ?? dynamic ?? "")
    .filter((specifier) => !specifier.startsWith(".") && !isBuiltin(specifier))
    .map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
}
