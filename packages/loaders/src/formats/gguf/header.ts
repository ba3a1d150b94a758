/** The header of a GGUF file: what it says through Hugging Face's library, held against the file's size. */
import type { GGUFParseOutput } from "@huggingface/gguf";
import type { OpenFile } from "../../files/open-file.js";
import { corrupt, unsupported } from "./errors.js";
import { walkHeader } from "./header-walk.js";
import { Metadata } from "./metadata.js";
import { type TensorType, tensorTypes } from "./tensor-types.js";

/** Where a tensor is. */
export interface TensorPlace {
  /** Outermost first, as ours are; the file has them the other way round. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  /** Its first byte in the file. */
  readonly position: number;
  readonly sizeBytes: number;
  readonly file: OpenFile;
  readonly fileName: string;
}

export interface GgufHeader {
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, TensorPlace>;
}

const FIRST_START_BYTES = 2 ** 18;

/** The library holds headers in memory, up to 50 MB. Vocabularies of 262 144 tokens take 10. */
const MAX_HEADER_BYTES = 48_000_000;

/**
 * Reads a header, in growing parts and never more than there is.
 *
 * @throws SstError `file-corrupt` for a header that does not fit the file, naming file and tensor, `file-unsupported` for types
 * of values that we do not have
 */
export async function readHeader(file: OpenFile, fileName: string): Promise<GgufHeader> {
  const bytes = await headerBytes(file, fileName);
  const parsed = await parse(bytes, fileName);
  if (parsed.tensorInfoByteRange[1] !== bytes.byteLength) {
    throw corrupt(fileName, "its header reads differently from what its lengths say");
  }
  const metadata = new Metadata(parsed.metadata as unknown as Readonly<Record<string, unknown>>, fileName);
  const alignment = alignmentOf(metadata);
  const dataStart = roundUp(bytes.byteLength, alignment);
  return { metadata, tensors: await placeTensors(parsed.tensorInfos, file, dataStart, alignment, fileName) };
}

export function roundUp(position: number, alignment: number): number {
  return Math.ceil(position / alignment) * alignment;
}

async function headerBytes(file: OpenFile, fileName: string): Promise<Uint8Array> {
  const most = Math.min(file.sizeBytes, MAX_HEADER_BYTES);
  for (let size = Math.min(FIRST_START_BYTES, most); ; size = Math.min(4 * size, most)) {
    const start = new Uint8Array(size);
    file.announce?.(0, size);
    await file.read(0, start);
    const end = walkHeader(start, file.sizeBytes, fileName);
    if (end !== undefined) return start.subarray(0, end);
    if (size === most) throw unsupported(fileName, `its header is larger than ${MAX_HEADER_BYTES} bytes`);
  }
}

async function parse(header: Uint8Array, fileName: string): Promise<GGUFParseOutput> {
  const { gguf } = await import("@huggingface/gguf");
  // The library asks for what it would get from the web, and gets it from memory: nothing is at this address.
  const fromMemory = async (_: unknown, request?: RequestInit) => {
    const range = new Headers(request?.headers).get("range") ?? "";
    const [first, last] = range.replace("bytes=", "").split("-").map(Number) as [number, number];
    return new Response(header.slice(first, last + 1));
  };
  try {
    return await gguf("https://memory.invalid", { fetch: fromMemory });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unsupported(fileName, `its header cannot be used: ${reason}`, cause);
  }
}

function alignmentOf(metadata: Metadata): number {
  const alignment = metadata.whole("general.alignment") ?? 32;
  if (alignment > 0 && Number.isInteger(Math.log2(alignment))) return alignment;
  throw corrupt(metadata.fileName, `general.alignment is ${alignment}, which is no power of two`);
}

/** Every tensor begins where the one before it ended, rounded up; what follows the last one is nobody's. */
async function placeTensors(
  infos: GGUFParseOutput["tensorInfos"],
  file: OpenFile,
  dataStart: number,
  alignment: number,
  fileName: string,
): Promise<Map<string, TensorPlace>> {
  const { GGMLQuantizationType } = await import("@huggingface/gguf");
  const tensors = new Map<string, TensorPlace>();
  let offset = 0;
  for (const info of infos) {
    const complain = (complaint: string) => corrupt(fileName, `tensor "${info.name}" ${complaint}`);
    const type = tensorTypes[info.dtype];
    if (type === undefined) {
      const known = Object.values(tensorTypes).map(({ name }) => name);
      throw unsupported(
        fileName,
        `tensor "${info.name}" is of type ${GGMLQuantizationType[info.dtype] ?? info.dtype}; supported are ` +
          `${known.join(", ")}: take a file in one of these, such as Q4_K_M or Q8_0`,
      );
    }
    const shape = info.shape.map(Number).toReversed();
    const sizeBytes = tensorBytes(shape, type);
    if (sizeBytes === undefined) throw complain(`of shape [${shape}] is no whole number of ${type.name}'s blocks`);
    if (info.offset !== BigInt(offset)) {
      throw complain(`begins at byte ${info.offset} of the data, where ${offset} was expected`);
    }
    const position = dataStart + offset;
    if (!(position + sizeBytes <= file.sizeBytes)) {
      throw complain(
        `ends at byte ${position + sizeBytes}, but the file has ${file.sizeBytes}: is it truncated? Get it again, whole`,
      );
    }
    tensors.set(info.name, { shape, type, position, sizeBytes, file, fileName });
    offset = roundUp(offset + sizeBytes, alignment);
  }
  return tensors;
}

/** Undefined where its rows are no whole number of blocks, or there is nothing in it. Beyond 2^53 it is too large for any file. */
function tensorBytes(shape: readonly number[], type: TensorType): number | undefined {
  const row = shape.at(-1) ?? 1;
  const entries = shape.reduce((product, size) => product * size, 1);
  if (entries === 0 || row % type.blockEntries !== 0) return undefined;
  return (entries / type.blockEntries) * type.blockBytes;
}
