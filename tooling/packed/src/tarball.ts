/** Reads what npm's registry would get: a gzipped tar archive with everything below `package/`. */
import { readFileSync } from "node:fs";
import { parseTarGzip } from "nanotar";

/** Texts by path, `package/` left out. */
export async function readTarball(file: string): Promise<Map<string, string>> {
  const entries = await parseTarGzip(readFileSync(file));
  return new Map(entries.map(({ name, text }) => [name.replace(/^package\//, ""), text]));
}
