import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test, vi } from "vitest";

/**
 * Runs every `ts` block of a package's README that has a `text` block right behind it, and compares what it prints with that,
 * so that what a reader copies is what works. `runFrom` is the package that it runs in, where the README's own cannot depend on
 * all that the examples import.
 */
export function testReadme(packageFolder: string, runFrom = packageFolder): void {
  const name = basename(packageFolder);
  const readme = readFileSync(join(packageFolder, "README.md"), "utf8").replaceAll("\r\n", "\n");
  const examples = [...readme.matchAll(/```ts\n((?:(?!```)[\s\S])*)```\n\n```text\n([\s\S]*?)```/g)];
  if (examples.length === 0) throw new Error(`the README of ${name} has no ts block with a text block right behind it`);
  for (const [index, [, code = "", printed]] of examples.entries()) {
    test(`example ${index + 1} in the README of ${name} runs, and prints what the README says`, async () => {
      const folder = join(runFrom, "test", "generated");
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `${name}-readme-example-${index + 1}.ts`);
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
}
