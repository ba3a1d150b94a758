/**
 * The memory that everything lies in, and who has which part of it. Pieces are handed out by exact size again and again,
 * as a training step or a decoded token asks for them; new sizes are cut off one region, and when that is used up, free
 * neighbours are joined and the largest piece is the next region.
 */
import { SstError } from "@sst/tensor";

const PAGE_BYTES = 65_536;
/** The first page holds the threads' control words, the step that runs, and the compiled module's own constants. */
const FIRST_ADDRESS = PAGE_BYTES;
const ALIGNMENT = 64;
const SMALLEST_GROWTH_BYTES = 16 * 2 ** 20;
/** Pages that the memory may grow to. A machine that cannot set aside so many addresses is asked for less. */
const MAXIMUM_PAGES = [65_536, 32_768, 16_384, 8_192];

export class Heap {
  /** All of the memory. New views after it has grown. */
  bytes: Uint8Array<ArrayBufferLike>;
  words: Int32Array<ArrayBufferLike>;
  floats: Float32Array<ArrayBufferLike>;
  /** Counts growths: what a view's age is told by. */
  version = 0;
  readonly memory: WebAssembly.Memory;
  /** What new sizes are cut off. */
  #region = { address: FIRST_ADDRESS, bytes: 0 };
  /** In the pieces below. */
  #freeBytes = 0;
  /** Sizes of the pieces that are in use, by address. */
  readonly #used = new Map<number, number>();
  /** Addresses of free pieces, by size. */
  readonly #free = new Map<number, number[]>();

  constructor(isShared: boolean) {
    this.memory = createMemory(isShared);
    this.#region.bytes = this.memory.buffer.byteLength - FIRST_ADDRESS;
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.floats = new Float32Array(this.memory.buffer);
  }

  /**
   * The address of `size` bytes, aligned to a cache line, with whatever they held before.
   *
   * @throws SstError `out-of-memory`
   */
  allocate(size: number): number {
    const rounded = roundUp(size);
    const known = this.#free.get(rounded)?.pop();
    if (known !== undefined) this.#freeBytes -= rounded;
    const address = known ?? this.#cutOff(rounded);
    this.#used.set(address, rounded);
    return address;
  }

  free(address: number): void {
    const size = this.#used.get(address);
    if (size === undefined) throw new SstError("backend-failed", `memory at ${address} was given back twice`);
    this.#used.delete(address);
    this.#keep(address, size);
  }

  #keep(address: number, size: number): void {
    this.#freeBytes += size;
    const list = this.#free.get(size);
    if (list) list.push(address);
    else this.#free.set(size, [address]);
  }

  #cutOff(size: number): number {
    if (size > this.#region.bytes) this.#findRegion(size);
    const { address } = this.#region;
    this.#region = { address: address + size, bytes: this.#region.bytes - size };
    return address;
  }

  /** Joins what is free where that is much, else asks for more memory, and joins after all where there is no more. */
  #findRegion(size: number): void {
    if (this.#region.bytes > 0) this.#keep(this.#region.address, this.#region.bytes);
    this.#region = { address: 0, bytes: 0 };
    const isMuch = this.#freeBytes > this.bytes.length / 2;
    if ((isMuch && this.#join(size)) || this.#grow(size) || this.#join(size)) return;
    const used = [...this.#used.values()].reduce((total, bytes) => total + bytes, 0);
    throw new SstError(
      "out-of-memory",
      `WebAssembly has no more memory: ${used} bytes are in use and ${size} more were asked for. ` +
        "Use a smaller batch, model or context, or quantised weights",
    );
  }

  /** Joins neighbours among the free pieces; the largest is the new region if it is large enough. */
  #join(size: number): boolean {
    const pieces = [...this.#free].flatMap(([bytes, list]) => list.map((address) => ({ address, bytes })));
    pieces.sort((left, right) => left.address - right.address);
    this.#free.clear();
    this.#freeBytes = 0;
    const joined: { address: number; bytes: number }[] = [];
    for (const piece of pieces) {
      const last = joined.at(-1);
      if (last && last.address + last.bytes === piece.address) last.bytes += piece.bytes;
      else joined.push({ ...piece });
    }
    const largest = joined.reduce((best, piece) => (piece.bytes > best.bytes ? piece : best), { address: 0, bytes: 0 });
    const isEnough = largest.bytes >= size;
    for (const piece of joined) if (!isEnough || piece !== largest) this.#keep(piece.address, piece.bytes);
    if (isEnough) this.#region = largest;
    return isEnough;
  }

  /** New memory, at least so much, is the new region. */
  #grow(size: number): boolean {
    const before = this.bytes.length;
    const generous = Math.max(size, SMALLEST_GROWTH_BYTES, before / 4);
    if (!this.#tryGrow(before + generous) && !this.#tryGrow(before + size)) return false;
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.floats = new Float32Array(this.memory.buffer);
    this.version++;
    this.#region = { address: before, bytes: this.bytes.length - before };
    return true;
  }

  #tryGrow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil((bytes - this.bytes.length) / PAGE_BYTES));
      return true;
    } catch {
      // The engine says no by throwing: the machine has no more, or the memory has its maximum.
      return false;
    }
  }
}

/** To whole cache lines, at least one. */
export function roundUp(bytes: number): number {
  return Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
}

function createMemory(isShared: boolean): WebAssembly.Memory {
  const initial = SMALLEST_GROWTH_BYTES / PAGE_BYTES;
  let problem: unknown;
  for (const maximum of MAXIMUM_PAGES) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: isShared });
    } catch (error) {
      problem = error;
    }
  }
  throw new SstError("out-of-memory", `WebAssembly gives no memory here: ${(problem as Error).message}`);
}
