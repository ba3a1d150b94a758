/**
 * A trace on disk. Figures are JSON lines: a header, then a record a line. Full states and distributions, where they were asked for,
 * are in a file beside it: 16 bytes of header, then float32 (little endian), and a record says at which byte its own begin.
 */
import { SstError } from "@sst/tensor";
import type { TraceRecord } from "./trace-record.js";

export const formatVersion = 1;

/** "SSTSTATE", then the version as 32 bits, then 32 bits of nothing. */
export const sideHeaderBytes = 16;
const magic = "SSTSTATE";

export interface TraceHeader {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  /** What else is worth knowing of it: the model's name, the prompt, the options. */
  readonly about?: Readonly<Record<string, unknown>>;
}

/** A record's line; the number arrays are in the file beside it. */
export interface StoredRecord extends Omit<TraceRecord, "states" | "distributions"> {
  readonly statesAtByte?: number;
  readonly distributionsAtByte?: number;
}

export function headerLine(header: TraceHeader): string {
  return `${JSON.stringify({ format: "sst-trace", version: formatVersion, ...header })}\n`;
}

/** @throws SstError `file-unsupported` for what is no trace, or one of another version; `file-corrupt` */
export function parseHeader(line: string): TraceHeader {
  const { format, version, ...header } = parseLine(line, 1) as { format?: unknown; version?: unknown } & TraceHeader;
  if (format !== "sst-trace" || version !== formatVersion) {
    throw new SstError(
      "file-unsupported",
      `this is no trace of format version ${formatVersion}, but says format ${JSON.stringify(format)}, version ` +
        `${JSON.stringify(version)}: trace again with this version`,
    );
  }
  for (const name of ["vocabSize", "hiddenSize", "numLayers"] as const) {
    if (Number.isSafeInteger(header[name]) && header[name] > 0) continue;
    throw new SstError("file-corrupt", `the trace's header should say "${name}" as a whole number above 0`);
  }
  return header;
}

/** @throws SstError `file-corrupt` naming the line */
export function parseRecord(line: string, lineNumber: number): StoredRecord {
  const record = parseLine(line, lineNumber) as StoredRecord;
  if (record.position === lineNumber - 2 && Array.isArray(record.layers) && Array.isArray(record.posterior))
    return record;
  throw new SstError(
    "file-corrupt",
    `line ${lineNumber} of the trace should be the record of position ${lineNumber - 2}`,
  );
}

function parseLine(line: string, lineNumber: number): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw new SstError("file-corrupt", `line ${lineNumber} of the trace is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  throw new SstError("file-corrupt", `line ${lineNumber} of the trace should be an object`);
}

export function sideHeader(): Uint8Array {
  const bytes = new Uint8Array(sideHeaderBytes);
  bytes.set(new TextEncoder().encode(magic));
  new DataView(bytes.buffer).setUint32(magic.length, formatVersion, true);
  return bytes;
}

/** @throws SstError `file-unsupported` */
export function checkSideHeader(bytes: Uint8Array): void {
  if (sideHeader().every((byte, index) => byte === bytes[index])) return;
  throw new SstError(
    "file-unsupported",
    `the file beside the trace holds no states of format version ${formatVersion}`,
  );
}

export function float32Bytes(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return bytes;
}

export function float32Values(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, index) => view.getFloat32(index * 4, true));
}
