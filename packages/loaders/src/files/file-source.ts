/** Where files are read from: a folder, a web address, a hub, or memory. Loaders see nothing else of the outside world. */
import { SstError } from "@sst/tensor";
import type { OpenFile } from "./open-file.js";

export interface FileSource {
  /** For error messages: the folder or address. */
  readonly location: string;
  /** Says what the files hold, where the source knows that without reading them: a commit. */
  readonly version?: string | undefined;
  /** File names, where the source can list them. */
  list(): Promise<string[]>;
  /** @throws SstError `file-not-found`, or what a download throws */
  read(name: string): Promise<Uint8Array>;
  /** A file that is read in parts, where the source can do that. @throws SstError as `read` */
  open?(name: string): Promise<OpenFile>;
  has(name: string): Promise<boolean>;
}

/** Files in memory, by name. */
export function memorySource(files: Readonly<Record<string, Uint8Array>>, location = "memory"): FileSource {
  return {
    location,
    list: async () => Object.keys(files),
    has: async (name) => Object.hasOwn(files, name),
    read: async (name) => {
      if (Object.hasOwn(files, name)) return files[name] as Uint8Array;
      throw noFile(location, name);
    },
  };
}

export function noFile(location: string, name: string): SstError {
  return new SstError("file-not-found", `${location} holds no file "${name}"`);
}
