/** A folder on disk. Node only. */
import { SstError } from "@sst/tensor";
import { type FileSource, noFile } from "./file-source.js";
import { openOnDisk } from "./open-file.js";

/** @throws SstError `file-not-found` when there is no such folder */
export async function folderSource(folder: string): Promise<FileSource> {
  const { readdir, readFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  if (!(await isFolder(folder))) {
    throw new SstError(
      "file-not-found",
      `there is no folder "${folder}": give the folder that holds the model's files`,
    );
  }
  const names = await readdir(folder);
  const pathOf = (name: string) => {
    if (names.includes(name)) return join(folder, name);
    throw noFile(folder, name);
  };
  return {
    location: folder,
    list: async () => names,
    has: async (name) => names.includes(name),
    open: async (name) => openOnDisk(pathOf(name)),
    read: async (name) => {
      const path = pathOf(name);
      const { buffer, byteOffset, byteLength } = await readFile(path).catch((cause: Error) => {
        throw new SstError("file-not-found", `${path} cannot be read (${cause.message})`, { cause });
      });
      return new Uint8Array(buffer, byteOffset, byteLength);
    },
  };
}

export async function isFolder(path: string): Promise<boolean> {
  const { stat } = await import("node:fs/promises");
  const information = await stat(path).catch(() => undefined);
  return information?.isDirectory() ?? false;
}
