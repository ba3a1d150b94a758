/** Where downloads are kept: files by the digest of what they hold, so that a name or a revision more costs nothing. */
import type { OpenFile } from "../files/open-file.js";

export interface BlobCache {
  /** For messages. */
  readonly location: string;
  /** A file that was downloaded whole and checked; undefined where there is none of that digest and size. */
  open(digest: string, sizeBytes: number): Promise<OpenFile | undefined>;
  /** Begins a download, or goes on with one that was broken off. Nobody else writes what is returned. */
  begin(digest: string): Promise<Download>;
  /** A text that was noted under a name, such as what a commit holds. */
  note(name: string): Promise<string | undefined>;
  writeNote(name: string, text: string): Promise<void>;
}

/** A file on its way. Ends with `finish` or `leave`. */
export interface Download {
  /** What is there. */
  readonly sizeBytes: number;
  /** All of it, first to last. */
  read(): AsyncIterable<Uint8Array>;
  /** @throws SstError `disk-full` or `output-not-writable` */
  append(bytes: Uint8Array): Promise<void>;
  /** Begins anew. */
  clear(): Promise<void>;
  /** Makes it a whole file, in one step. */
  finish(): Promise<void>;
  /** Leaves what is there for whoever goes on with it. */
  leave(): Promise<void>;
}
