/** Reading a trace back: a record, or its full states, when they are asked for, and nothing else. */
import { SstError } from "@sst/tensor";
import {
  checkSideHeader,
  float32Values,
  parseHeader,
  parseRecord,
  type StoredRecord,
  sideHeaderBytes,
  type TraceHeader,
} from "./trace-format.js";

/** A file that is read in parts; the open files of `@sst/loaders` are such, in Node and in browsers. */
export interface TraceFile {
  readonly sizeBytes: number;
  /** Fills `into` with the bytes from a position on. */
  read(position: number, into: Uint8Array): Promise<void>;
}

export interface TraceFiles {
  readonly figures: TraceFile;
  readonly states?: TraceFile | undefined;
}

const pieceBytes = 2 ** 16;
const newline = 10;

export class TraceReader {
  /** Where the lines begin that were seen so far; what is kept of a trace is a number a record. */
  readonly #lineStarts: number[] = [0];
  #isSideChecked = false;

  private constructor(private readonly files: TraceFiles) {}

  /** As the writer was given it. */
  header!: TraceHeader;

  /** Reads the header. @throws SstError `file-unsupported`, `file-corrupt` */
  static async open(files: TraceFiles): Promise<TraceReader> {
    const reader = new TraceReader(files);
    const line = await reader.#line(0);
    if (line === undefined)
      throw new SstError("file-corrupt", "the trace has no header: it was cut off at its beginning");
    reader.header = parseHeader(line);
    return reader;
  }

  /**
   * The record of a position, without its full states; undefined behind the last one that was written whole.
   *
   * @throws SstError `file-corrupt` naming the line
   */
  async record(position: number): Promise<StoredRecord | undefined> {
    const line = await this.#line(position + 1);
    return line === undefined ? undefined : parseRecord(line, position + 2);
  }

  /** From a position on. */
  async *records(from = 0): AsyncGenerator<StoredRecord, void, void> {
    for (let position = from; ; position++) {
      const record = await this.record(position);
      if (record === undefined) return;
      yield record;
    }
  }

  /** `[iteration, layer, hiddenSize]` row-major. @throws SstError `contradiction` where the trace was made without them */
  async states(position: number): Promise<Float32Array> {
    const { numLayers, hiddenSize } = this.header;
    return this.#beside(position, "statesAtByte", numLayers * hiddenSize);
  }

  /** `[iteration, vocabSize]` row-major. @throws SstError as `states` */
  async distributions(position: number): Promise<Float32Array> {
    return this.#beside(position, "distributionsAtByte", this.header.vocabSize);
  }

  async #beside(position: number, at: "statesAtByte" | "distributionsAtByte", size: number): Promise<Float32Array> {
    const record = await this.record(position);
    if (record === undefined) throw new SstError("invalid-argument", `the trace has no position ${position}`);
    const start = record[at];
    const file = this.files.states;
    if (start === undefined || file === undefined) {
      const what = at === "statesAtByte" ? "states (withStates)" : "distributions (withDistributions)";
      throw new SstError("contradiction", `the trace was made or opened without full ${what}`);
    }
    if (!this.#isSideChecked) {
      checkSideHeader(await bytesAt(file, 0, sideHeaderBytes));
      this.#isSideChecked = true;
    }
    return float32Values(await bytesAt(file, start, record.posterior.length * size * 4));
  }

  /** A line that is written to its end; undefined where there is none. */
  async #line(index: number): Promise<string | undefined> {
    while (this.#lineStarts.length <= index + 1) if (!(await this.#findLine())) return undefined;
    const start = this.#lineStarts[index] as number;
    const end = this.#lineStarts[index + 1] as number;
    return new TextDecoder().decode(await bytesAt(this.files.figures, start, end - 1 - start));
  }

  /** Looks one piece further, from the last line's beginning that is known. */
  async #findLine(): Promise<boolean> {
    const { figures } = this.files;
    const known = this.#lineStarts.length;
    for (let at = this.#lineStarts.at(-1) as number; at < figures.sizeBytes; at += pieceBytes) {
      const piece = await bytesAt(figures, at, Math.min(pieceBytes, figures.sizeBytes - at));
      for (let found = piece.indexOf(newline); found >= 0; found = piece.indexOf(newline, found + 1)) {
        this.#lineStarts.push(at + found + 1);
      }
      if (this.#lineStarts.length > known) return true;
    }
    return false;
  }
}

async function bytesAt(file: TraceFile, start: number, sizeBytes: number): Promise<Uint8Array> {
  if (start + sizeBytes > file.sizeBytes) {
    throw new SstError(
      "file-corrupt",
      `the trace speaks of bytes ${start} to ${start + sizeBytes} of its states, but the file ends at ${file.sizeBytes}`,
    );
  }
  const bytes = new Uint8Array(sizeBytes);
  if (sizeBytes > 0) await file.read(start, bytes);
  return bytes;
}
