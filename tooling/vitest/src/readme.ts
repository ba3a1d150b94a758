import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test, vi } from "vitest";

/**
 * Runs the first `ts` block of a package's README and compares what it prints with the `text` block behind it, so that
 * what a reader copies is what works. `runFrom` is the package that it runs in, where the README's own cannot depend on
 * all that the example imports.
 */
export function testReadme(packageFolder: string, runFrom = packageFolder): void {
  test(`the example in the README of ${basename(packageFolder)} runs, and prints what the README says`, async () => {
    const readme = readFileSync(join(packageFolder, "README.md"), "utf8").replaceAll("\r\n", "\n");
    const [, code, printed] = /```ts\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/.exec(readme) ?? [];
    if (code === undefined) throw new Error("README.md has no ts block with a text block behind it");
    const folder = join(runFrom, "test", "generated");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${basename(packageFolder)}-readme-example.ts`);
    writeFileSync(file, code);
    const lines: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((...values) => {
      lines.push(values.join(" "));
    });
    try {
      await import(/* @vite-ignore */ pathToFileURL(file).href);
    } finally {
      log.mockRestore();
    }
    expect(`${lines.join("\n")}\n`).toBe(printed);
  });
}
