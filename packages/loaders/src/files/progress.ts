/** How far loading has come, as plain data. */
import type { FileSource } from "./file-source.js";
import { type OpenFile, openFile } from "./open-file.js";

export interface LoadProgress {
  /** `download`: on its way into the cache; `read`: on its way into the model. */
  readonly phase: "download" | "read";
  readonly file: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface WatchOptions {
  /** Hears of every part of a file that has come. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Ends what is on its way; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** The same files, with somebody who watches them being read. */
export function watched(source: FileSource, { onProgress, signal }: WatchOptions): FileSource {
  if (onProgress === undefined && signal === undefined) return source;
  const tell = (file: string, loadedBytes: number, totalBytes: number) =>
    onProgress?.({ phase: "read", file, loadedBytes, totalBytes });
  const watchedFile = (file: OpenFile, name: string): OpenFile => {
    let loadedBytes = 0;
    return {
      sizeBytes: file.sizeBytes,
      announce: (position, sizeBytes) => file.announce?.(position, sizeBytes),
      close: () => file.close(),
      read: async (position, into) => {
        signal?.throwIfAborted();
        await file.read(position, into);
        loadedBytes += into.byteLength;
        if (into.byteLength > 0) tell(name, loadedBytes, file.sizeBytes);
      },
    };
  };
  return {
    location: source.location,
    version: source.version,
    list: () => source.list(),
    has: (name) => source.has(name),
    open: async (name) => watchedFile(await openFile(source, name), name),
    read: async (name) => {
      signal?.throwIfAborted();
      const bytes = await source.read(name);
      tell(name, bytes.byteLength, bytes.byteLength);
      return bytes;
    },
  };
}
