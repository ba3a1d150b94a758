/** A file that is read in parts, so that it is never whole in memory. */
import { SstError } from "@sst/tensor";
import type { FileSource } from "./file-source.js";

export interface OpenFile {
  readonly sizeBytes: number;
  /**
   * Fills `into` with the bytes from a position on.
   *
   * @throws SstError `file-corrupt` where the file ends before, `file-not-found` where it cannot be read, or what a download
   * throws
   */
  read(position: number, into: Uint8Array): Promise<void>;
  /** Says what will be read next, in order: a file that is far away asks for it once. */
  announce?(position: number, sizeBytes: number): void;
  close(): Promise<void>;
}

/** A file of a source, which the caller closes. Sources that cannot read in parts read all of it. @throws SstError `file-not-found` */
export async function openFile(source: FileSource, name: string): Promise<OpenFile> {
  return (await source.open?.(name)) ?? bytesAsFile(await source.read(name), name);
}

/** All of a file that can be read in parts; it is closed then. */
export async function readAll(file: OpenFile): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(file.sizeBytes);
    file.announce?.(0, bytes.byteLength);
    await file.read(0, bytes);
    return bytes;
  } finally {
    await file.close();
  }
}

export function bytesAsFile(bytes: Uint8Array, name: string): OpenFile {
  return {
    sizeBytes: bytes.byteLength,
    read: async (position, into) => {
      const part = bytes.subarray(position, position + into.byteLength);
      if (part.byteLength < into.byteLength) throw endsEarly(name, position + part.byteLength);
      into.set(part);
    },
    close: async () => {},
  };
}

/** What a browser has for a file: a `File`, or several that lie behind each other. */
export function blobAsFile(blob: Blob, name: string): OpenFile {
  return {
    sizeBytes: blob.size,
    read: async (position, into) => {
      const part = await blob
        .slice(position, position + into.byteLength)
        .arrayBuffer()
        .catch((cause: Error) => {
          throw new SstError("file-not-found", `${name} cannot be read any more (${cause.message}): give it again`, {
            cause,
          });
        });
      if (part.byteLength < into.byteLength) throw endsEarly(name, position + part.byteLength);
      into.set(new Uint8Array(part));
    },
    close: async () => {},
  };
}

/** A file on disk. Node only. @throws SstError `file-not-found` */
export async function openOnDisk(path: string): Promise<OpenFile> {
  const { open } = await import("node:fs/promises");
  const unreadable = (cause: Error) => {
    throw new SstError("file-not-found", `${path} cannot be read (${cause.message})`, { cause });
  };
  const file = await open(path).catch(unreadable);
  const { size } = await file.stat();
  return {
    sizeBytes: size,
    read: async (position, into) => {
      let done = 0;
      while (done < into.byteLength) {
        const { bytesRead } = await file.read(into, done, into.byteLength - done, position + done).catch(unreadable);
        if (bytesRead === 0) throw endsEarly(path, position + done);
        done += bytesRead;
      }
    },
    close: () => file.close(),
  };
}

function endsEarly(name: string, position: number): SstError {
  return new SstError("file-corrupt", `${name} ends at byte ${position}: was it changed while it was read?`);
}
