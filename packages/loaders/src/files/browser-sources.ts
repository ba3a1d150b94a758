/** Files that a browser has: those a user gave it, and those of the Origin Private File System. Both are read in ranges. */
import { SstError } from "@sst/tensor";
import { type FileSource, noFile } from "./file-source.js";
import { blobAsFile, readAll } from "./open-file.js";

/**
 * Files from an `<input type="file" multiple>` or a drop, by their names. Of a folder (`webkitdirectory`) those that lie
 * directly in it; files of folders in it are left out.
 *
 * @throws SstError `contradiction` for two files of one name
 */
export function fileListSource(files: Iterable<File>, location = "the files that were given"): FileSource {
  const byName = new Map<string, File>();
  for (const file of files) {
    // "folder/name" for a file of a folder that was given.
    if ((file.webkitRelativePath || file.name).split("/").length > 2) continue;
    if (byName.has(file.name)) {
      throw new SstError("contradiction", `two files are called "${file.name}": give the files of one folder only`);
    }
    byName.set(file.name, file);
  }
  return blobSource(
    location,
    async (name) => byName.get(name),
    async () => [...byName.keys()],
  );
}

/** A folder of the Origin Private File System, or one that a user gave with `showDirectoryPicker`. */
export function directorySource(
  directory: FileSystemDirectoryHandle,
  location = `folder "${directory.name}"`,
): FileSource {
  const fileOf = async (name: string) => {
    try {
      return await (await directory.getFileHandle(name)).getFile();
    } catch (cause) {
      // What is no file of this folder: nothing, a folder, or a name that can be none.
      if (["NotFoundError", "TypeMismatchError", "TypeError"].includes((cause as Error).name)) return undefined;
      throw new SstError("file-not-found", `${location}: "${name}" cannot be read (${(cause as Error).message})`, {
        cause,
      });
    }
  };
  const list = async () => {
    const names: string[] = [];
    for await (const [name, { kind }] of directory.entries()) if (kind === "file") names.push(name);
    return names;
  };
  return blobSource(location, fileOf, list);
}

function blobSource(
  location: string,
  blobOf: (name: string) => Promise<Blob | undefined>,
  list: () => Promise<string[]>,
): FileSource {
  const open = async (name: string) => {
    const blob = await blobOf(name);
    if (blob === undefined) throw noFile(location, name);
    return blobAsFile(blob, name);
  };
  return {
    location,
    list,
    open,
    has: async (name) => (await blobOf(name)) !== undefined,
    read: async (name) => readAll(await open(name)),
  };
}
