/** Where files are read from: a folder, a web address, or memory. Loaders see nothing else of the outside world. */
import { SstError } from "@sst/tensor";
import { type OpenFile, openOnDisk } from "./open-file.js";

export interface FileSource {
  /** For error messages: the folder or address. */
  readonly location: string;
  /** File names, where the source can list them. */
  list(): Promise<string[]>;
  /** @throws SstError `file-not-found` */
  read(name: string): Promise<Uint8Array>;
  /** A file that is read in parts, where the source can do that. @throws SstError `file-not-found` */
  open?(name: string): Promise<OpenFile>;
  has(name: string): Promise<boolean>;
}

/** A folder on disk. Node only. @throws SstError `file-not-found` when there is no such folder */
export async function folderSource(folder: string): Promise<FileSource> {
  const { readdir, readFile, stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const information = await stat(folder).catch(() => undefined);
  if (!information?.isDirectory()) {
    throw new SstError(
      "file-not-found",
      `there is no folder "${folder}": give the folder that holds the model's files`,
    );
  }
  const names = await readdir(folder);
  const pathOf = (name: string) => {
    if (names.includes(name)) return join(folder, name);
    throw new SstError("file-not-found", `${folder} holds no file "${name}"`);
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

/** Files below a web address. It cannot list them, so checkpoints of llama2.c, whose names vary, are not found. */
export function httpSource(baseUrl: string): FileSource {
  const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
  const request = (name: string, method: "GET" | "HEAD") =>
    fetch(base + name, { method }).catch((cause) => {
      throw new SstError("file-not-found", `${base}${name} cannot be reached: is the address right?`, { cause });
    });
  return {
    location: baseUrl,
    list: async () => [],
    has: async (name) => isFile(await request(name, "HEAD")),
    read: async (name) => {
      const response = await request(name, "GET");
      if (!isFile(response))
        throw new SstError("file-not-found", `${base}${name} answered ${response.status}: is the address right?`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

/** Development servers answer unknown addresses with their start page. */
function isFile(response: Response): boolean {
  return response.ok && !(response.headers.get("content-type") ?? "").startsWith("text/html");
}

/** Files in memory, by name. */
export function memorySource(files: Readonly<Record<string, Uint8Array>>, location = "memory"): FileSource {
  return {
    location,
    list: async () => Object.keys(files),
    has: async (name) => Object.hasOwn(files, name),
    read: async (name) => {
      const bytes = files[name];
      if (bytes === undefined) throw new SstError("file-not-found", `${location} holds no file "${name}"`);
      return bytes;
    },
  };
}

/** A path is a folder, an `http(s)://` address is one on the web; a source is itself. */
export async function toSource(source: string | FileSource): Promise<FileSource> {
  if (typeof source !== "string") return source;
  return /^https?:\/\//.test(source) ? httpSource(source) : folderSource(source);
}
