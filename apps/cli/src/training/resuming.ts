/** What a run goes on from: its checkpoints, what has to be the same, and the command that resumes it. */
import { basename, join } from "node:path";
import { FolderCheckpointStore, type NotedFile } from "@sst/loaders";
import type { Json } from "@sst/train";
import type { RunOptions } from "./run-options.js";

export function storeIn(folder: string, { keepCheckpoints }: RunOptions): FolderCheckpointStore {
  return new FolderCheckpointStore(join(folder, "checkpoints"), { keepLast: keepCheckpoints });
}

export function withHashes(
  configuration: Readonly<Record<string, Json>>,
  data: readonly NotedFile[],
): Record<string, Json> {
  // By their order: a run may go on from another folder.
  const hashes = data.map(({ path, sha256 }, index) => [`file ${index + 1} (${basename(path)})`, sha256] as const);
  return { ...configuration, ...Object.fromEntries(hashes) };
}

/** @param folder of the run, where it was not given */
export function commandToResume(folder: string | undefined): string {
  const given = process.argv.slice(2).filter((argument) => argument !== "--resume");
  const added = [...(folder === undefined ? [] : ["--run", folder]), "--resume"];
  return `sst ${[...given, ...added].map(quoted).join(" ")}`;
}

function quoted(argument: string): string {
  return /^[\w./:=-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
