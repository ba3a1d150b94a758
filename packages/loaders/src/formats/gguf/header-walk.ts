/**
 * Walks through a GGUF header from its first byte to its last, holding every count and length against the file's size. It
 * keeps no values: what they are says Hugging Face's library, which believes what a header claims and would read zeros
 * behind a file's end.
 *
 * The header: "GGUF", version, number of tensors, number of metadata; of each of these key, type and value; of each tensor
 * name, sizes, type and offset. Texts have their length before them, lists the type and number of their entries.
 */
import { corrupt, unsupported } from "./errors.js";
import { valueTypes } from "./value-types.js";

/** Of values that always have the same size. */
const valueBytes: Readonly<Record<number, number>> = {
  [valueTypes.uint8]: 1,
  [valueTypes.int8]: 1,
  [valueTypes.uint16]: 2,
  [valueTypes.int16]: 2,
  [valueTypes.uint32]: 4,
  [valueTypes.int32]: 4,
  [valueTypes.float32]: 4,
  [valueTypes.bool]: 1,
  [valueTypes.uint64]: 8,
  [valueTypes.int64]: 8,
  [valueTypes.float64]: 8,
};

/** A text or a list is at least its length. */
const LEAST_BYTES: Readonly<Record<number, number>> = {
  ...valueBytes,
  [valueTypes.text]: 8,
  [valueTypes.list]: 12,
};

/** Key, type and a value of one byte. */
const LEAST_ENTRY_BYTES = 13;
/** Name, number of sizes, type and offset. */
const LEAST_TENSOR_BYTES = 24;
const MAX_DIMENSIONS = 4;
const MAX_LIST_DEPTH = 3;

/**
 * @param start the file's first bytes
 * @returns the size of the header, without what aligns the data behind it; undefined where `start` ends within it
 * @throws SstError `file-corrupt` for a header that does not fit the file, `file-unsupported` for another version
 */
export function walkHeader(start: Uint8Array, fileBytes: number, fileName: string): number | undefined {
  try {
    return new HeaderWalk(start, fileBytes, fileName).run();
  } catch (error) {
    if (error instanceof StartTooShort) return undefined;
    throw error;
  }
}

class StartTooShort extends Error {}

class HeaderWalk {
  readonly #view: DataView;
  #position = 0;
  /** What is being walked through, for messages. */
  #within = "the header";

  constructor(
    private readonly start: Uint8Array,
    private readonly fileBytes: number,
    private readonly fileName: string,
  ) {
    this.#view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  }

  run(): number {
    this.#magicAndVersion();
    const tensors = this.#count("tensors", LEAST_TENSOR_BYTES);
    const entries = this.#count("metadata entries", LEAST_ENTRY_BYTES);
    this.#distinct("key", entries, () => this.#value(this.#whole32()));
    this.#distinct("tensor", tensors, () => this.#tensor());
    return this.#position;
  }

  #magicAndVersion(): void {
    const magic = this.#whole32();
    if (magic !== 0x46554747) throw this.#corrupt("it does not begin with GGUF: is it a GGUF file?");
    const version = this.#whole32();
    if (version === 2 || version === 3) return;
    throw unsupported(
      this.fileName,
      (version & 0xffff) === 0
        ? "its numbers are big-endian; supported are little-endian files"
        : `it has version ${version} of GGUF; supported are 2 and 3: convert the model again`,
    );
  }

  /** Things with a name that only one of them may have. */
  #distinct(kind: string, count: number, walk: () => void): void {
    const names = new Set<string>();
    for (let index = 0; index < count; index++) {
      this.#within = `${kind} ${index} of ${count}`;
      const name = this.#text();
      this.#within = `${kind} "${name}"`;
      if (names.has(name)) throw this.#corrupt(`it has the ${kind} "${name}" twice: which one is right?`);
      names.add(name);
      walk();
    }
  }

  #value(type: number, depth = 0): void {
    const size = valueBytes[type];
    if (size !== undefined) this.#skip(size);
    else if (type === valueTypes.text) this.#skip(this.#length(1));
    else if (type === valueTypes.list) this.#list(depth);
    else throw this.#corrupt(`${this.#within} has type ${type}, which is none of GGUF's`);
  }

  #list(depth: number): void {
    if (depth > MAX_LIST_DEPTH) throw this.#corrupt(`${this.#within} is a list of lists of lists of lists`);
    const type = this.#whole32();
    const least = LEAST_BYTES[type];
    if (least === undefined) throw this.#corrupt(`${this.#within} is a list of type ${type}, which is none of GGUF's`);
    const count = this.#length(least);
    const size = valueBytes[type];
    if (size !== undefined) this.#skip(size * count);
    else for (let index = 0; index < count; index++) this.#value(type, depth + 1);
  }

  #tensor(): void {
    const dimensions = this.#whole32();
    if (dimensions > MAX_DIMENSIONS)
      throw this.#corrupt(`${this.#within} has ${dimensions} dimensions, at most 4 can be`);
    this.#skip(8 * dimensions + 4 + 8);
  }

  #text(): string {
    const size = this.#length(1);
    const begin = this.#position;
    this.#skip(size);
    return new TextDecoder().decode(this.start.subarray(begin, this.#position));
  }

  #count(what: string, leastBytes: number): number {
    this.#within = `the number of ${what}`;
    return this.#length(leastBytes);
  }

  /** A number of things, each of at least so many bytes: no more of them than the rest of the file can hold. */
  #length(leastBytes: number): number {
    const at = this.#position;
    this.#skip(8);
    const count = this.#view.getBigUint64(at, true);
    const room = Math.floor((this.fileBytes - this.#position) / leastBytes);
    if (count <= BigInt(room)) return Number(count);
    throw this.#corrupt(
      `${this.#within} claims a length of ${count}, where the file's ${this.fileBytes} bytes have room for ${room}: is it ` +
        "truncated?",
    );
  }

  #whole32(): number {
    const at = this.#position;
    this.#skip(4);
    return this.#view.getUint32(at, true);
  }

  #skip(size: number): void {
    const end = this.#position + size;
    if (end > this.fileBytes) {
      throw this.#corrupt(
        `its ${this.fileBytes} bytes end within ${this.#within}: is it truncated? Get it again, whole`,
      );
    }
    if (end > this.start.byteLength) throw new StartTooShort();
    this.#position = end;
  }

  #corrupt(complaint: string): Error {
    return corrupt(this.fileName, complaint);
  }
}
