/** Files cut into parts, lines or others, any of which can be read by itself: what lets a data set be shuffled on disk. */
import { SstError } from "@sst/tensor";
import type { FileSource } from "../files/file-source.js";
import { type OpenFile, openFile } from "../files/open-file.js";
import { createDigest, type Digest } from "../hub/digest.js";
import { blocksOf } from "./file-blocks.js";

export interface FilePart {
  readonly bytes: Uint8Array;
  readonly fileName: string;
  /** Within its file, counted from 1; of a file of lines the line's. */
  readonly number: number;
  readonly isLastOfFile: boolean;
}

/** Where the parts of a file begin, told from its bytes in order. */
export type FindParts = (blocks: AsyncIterable<Uint8Array>, fileName: string) => Promise<readonly number[]>;

interface IndexedFile {
  readonly name: string;
  readonly file: OpenFile;
  /** Position of each part in the file. */
  readonly starts: Float64Array;
  /** Of the parts of all files. */
  readonly firstPart: number;
}

export class FileParts {
  private constructor(
    private readonly files: readonly IndexedFile[],
    readonly partCount: number,
    /** Another one where the files hold something else. */
    readonly fingerprint: string,
  ) {}

  /**
   * Reads all files once. The index takes eight bytes a part, and about twice that while it is made.
   *
   * @throws SstError `file-not-found`, and what `findParts` throws
   */
  static async open(source: FileSource, names: readonly string[], findParts: FindParts): Promise<FileParts> {
    const files: IndexedFile[] = [];
    const digest = await createDigest("sha256", 0);
    let partCount = 0;
    try {
      for (const name of names) {
        const file = await openFile(source, name);
        const indexed = { name, file, starts: new Float64Array(), firstPart: partCount };
        // In the list first, so that it is closed whatever follows.
        files.push(indexed);
        const starts = await findParts(digested(file, digest), name);
        files[files.length - 1] = { ...indexed, starts: Float64Array.from(starts) };
        partCount += starts.length;
      }
    } catch (error) {
      await closeAll(files);
      throw error;
    }
    return new FileParts(files, partCount, digest.end());
  }

  get indexBytes(): number {
    return this.files.reduce((total, { starts }) => total + starts.byteLength, 0);
  }

  /** @throws SstError `file-corrupt` for a file that has become shorter since */
  async read(index: number): Promise<FilePart> {
    const indexed = this.files.findLast(({ firstPart }) => firstPart <= index);
    const within = index - (indexed?.firstPart ?? 0);
    const start = indexed?.starts[within];
    if (indexed === undefined || start === undefined) {
      throw new SstError("invalid-argument", `there is no part ${index} of ${this.partCount}`);
    }
    const end = indexed.starts[within + 1] ?? indexed.file.sizeBytes;
    const bytes = new Uint8Array(end - start);
    await indexed.file.read(start, bytes);
    const isLastOfFile = within === indexed.starts.length - 1;
    return { bytes, fileName: indexed.name, number: within + 1, isLastOfFile };
  }

  async close(): Promise<void> {
    await closeAll(this.files);
  }
}

async function* digested(file: OpenFile, digest: Digest): AsyncGenerator<Uint8Array> {
  for await (const block of blocksOf(file)) {
    digest.update(block);
    yield block;
  }
  // So that it matters where one file ends and the next begins.
  digest.update(new TextEncoder().encode(`end of ${file.sizeBytes} bytes`));
}

async function closeAll(files: readonly IndexedFile[]): Promise<void> {
  for (const { file } of files) await file.close();
}
