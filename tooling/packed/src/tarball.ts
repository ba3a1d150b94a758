/** Reads what npm's registry would get: a gzipped tar archive with everything below `package/`. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const BLOCK = 512;

/** Contents by path, `package/` left out. */
export function readTarball(file: string): Map<string, Buffer> {
  const archive = gunzipSync(readFileSync(file));
  const entries = new Map<string, Buffer>();
  for (let at = 0; archive[at] !== 0; ) {
    const text = (from: number, bytes: number) =>
      archive
        .toString("utf8", at + from, at + from + bytes)
        .replace(/\0.*$/s, "")
        .trim();
    const [name, size, kind] = [text(0, 100), Number.parseInt(text(124, 12), 8), text(156, 1)];
    // Extended headers (for long names) and links would need more than this reader knows.
    if (kind !== "0") throw new Error(`${file}: "${name}" is an entry of kind "${kind}", not a plain file`);
    entries.set(name.replace(/^package\//, ""), archive.subarray(at + BLOCK, at + BLOCK + size));
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}
