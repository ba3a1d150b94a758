/** Files that are whole or not there. */
import { rename, writeFile } from "node:fs/promises";

export async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.partial`, text);
  await rename(`${path}.partial`, path);
}
