/** The golden models as plain data, so that they reach a browser too. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface GoldenModel {
  readonly name: string;
  /** The model folder's files, base64. */
  readonly files: Readonly<Record<string, string>>;
}

export function readGoldenModels(folder: string | undefined): GoldenModel[] {
  if (folder === undefined) return [];
  return ["tiny-llama", "tiny-llama-wide"].map((name) => {
    const files = readdirSync(join(folder, name)).map((file) => [
      file,
      readFileSync(join(folder, name, file)).toString("base64"),
    ]);
    return { name, files: Object.fromEntries(files) };
  });
}
