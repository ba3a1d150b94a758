/**
 * Downloads in the Origin Private File System. A file is a folder of parts, for a browser copies all of a file that is
 * written to again; a part is there when it is whole, and `whole` says that all are and were checked. One page at a time
 * writes a file, the others wait for it.
 */
import { SstError } from "@sst/tensor";
import { directorySource } from "../files/browser-sources.js";
import { blobAsFile } from "../files/open-file.js";
import type { BlobCache, Download } from "./blob-cache.js";

const PART_BYTES = 2 ** 25;

const doneMark = "whole";

/** @throws SstError `output-not-writable` where the browser has no such files */
export async function opfsCache(names: readonly string[]): Promise<BlobCache> {
  let folder = await rootFolder();
  for (const name of ["sst", ...names]) folder = await folder.getDirectoryHandle(name, { create: true });
  const blobs = await folder.getDirectoryHandle("blobs", { create: true });
  const notes = directorySource(folder);
  return {
    location: `the browser's own files (sst/${names.join("/")})`,
    open: async (digest, sizeBytes) => {
      const blob = await blobs.getDirectoryHandle(digest).catch(() => undefined);
      if (blob === undefined || !(await directorySource(blob).has(doneMark))) return undefined;
      const whole = new Blob(await partsOf(blob));
      return whole.size === sizeBytes ? blobAsFile(whole, digest) : undefined;
    },
    begin: (digest) => beginDownload(blobs, digest),
    note: async (name) =>
      (await notes.has(fileName(name))) ? new TextDecoder().decode(await notes.read(fileName(name))) : undefined,
    writeNote: (name, text) =>
      write(folder, fileName(name), [new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>]),
  };
}

async function rootFolder(): Promise<FileSystemDirectoryHandle> {
  const get = globalThis.navigator?.storage?.getDirectory;
  if (get !== undefined) return get.call(navigator.storage);
  throw new SstError(
    "output-not-writable",
    "this page cannot keep what it downloads: browsers let only pages from https:// or localhost store files",
  );
}

/** A name with folders in it as one. */
function fileName(name: string): string {
  return name.replaceAll("/", "--");
}

async function beginDownload(blobs: FileSystemDirectoryHandle, digest: string): Promise<Download> {
  const release = await lock(`sst-download-${digest}`);
  try {
    return await openDownload(blobs, digest, release);
  } catch (error) {
    release();
    throw error;
  }
}

async function openDownload(blobs: FileSystemDirectoryHandle, digest: string, release: () => void): Promise<Download> {
  const folder = await blobs.getDirectoryHandle(digest, { create: true });
  let parts = await partsOf(folder);
  let sizeBytes = new Blob(parts).size;
  // Of the part that is being filled.
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let filled = 0;
  const flush = async () => {
    if (filled === 0) return;
    await write(folder, String(parts.length), pieces);
    parts = await partsOf(folder);
    pieces = [];
    filled = 0;
  };
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    read: async function* () {
      for (const part of parts) yield new Uint8Array(await part.arrayBuffer());
      yield* pieces;
    },
    append: async (bytes) => {
      pieces.push(bytes.slice());
      filled += bytes.byteLength;
      sizeBytes += bytes.byteLength;
      if (filled >= PART_BYTES) await flush();
    },
    clear: async () => {
      for (const name of await directorySource(folder).list()) await folder.removeEntry(name);
      [parts, pieces, filled, sizeBytes] = [[], [], 0, 0];
    },
    finish: async () => {
      try {
        await flush();
        await write(folder, doneMark, []);
      } finally {
        release();
      }
    },
    leave: async () => {
      try {
        await flush();
      } finally {
        release();
      }
    },
  };
}

/** Parts are numbered from 0 on. */
async function partsOf(folder: FileSystemDirectoryHandle): Promise<File[]> {
  const parts: File[] = [];
  for (;;) {
    const handle = await folder.getFileHandle(String(parts.length)).catch(() => undefined);
    if (handle === undefined) return parts;
    parts.push(await handle.getFile());
  }
}

/** A file is what it was before until it is closed. */
async function write(
  folder: FileSystemDirectoryHandle,
  name: string,
  pieces: readonly Uint8Array<ArrayBuffer>[],
): Promise<void> {
  try {
    const handle = await folder.getFileHandle(name, { create: true });
    const stream = await handle.createWritable();
    for (const piece of pieces) await stream.write(piece);
    await stream.close();
  } catch (cause) {
    const { name: kind, message } = cause as Error;
    const code = kind === "QuotaExceededError" ? "disk-full" : "output-not-writable";
    throw new SstError(code, `the browser keeps no more of what is downloaded (${message}): make room`, { cause });
  }
}

/** Waits until nobody else has it; the lock is held until the function that is returned is called. */
function lock(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, () => new Promise<void>((release) => resolve(() => release()))).catch(reject);
  });
}
