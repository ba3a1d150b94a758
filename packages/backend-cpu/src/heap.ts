/**
 * The memory that everything lies in, and who has which part of it. Pieces are handed out by exact size again and again,
 * as a training step or a decoded token asks for them; only where none fits are free neighbours joined.
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
  #end = FIRST_ADDRESS;
  /** Sizes of the pieces that are in use, by address. */
  readonly #used = new Map<number, number>();
  /** Addresses of free pieces, by size. */
  readonly #free = new Map<number, number[]>();

  constructor(isShared: boolean) {
    this.memory = createMemory(isShared);
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
    const rounded = Math.max(ALIGNMENT, Math.ceil(size / ALIGNMENT) * ALIGNMENT);
    const address = this.#free.get(rounded)?.pop() ?? this.#cutOff(rounded);
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
    const list = this.#free.get(size);
    if (list) list.push(address);
    else this.#free.set(size, [address]);
  }

  /** From behind what was handed out, else from joined free pieces, else from new memory. */
  #cutOff(size: number): number {
    if (this.#end + size > this.bytes.length) {
      const joined = this.#fromJoined(size);
      if (joined !== undefined) return joined;
      if (this.#end + size > this.bytes.length) this.#grow(this.#end + size);
    }
    const address = this.#end;
    this.#end += size;
    return address;
  }

  /** Joins neighbours among the free pieces and takes the smallest one that is large enough. */
  #fromJoined(size: number): number | undefined {
    const pieces = [...this.#free].flatMap(([bytes, list]) => list.map((address) => ({ address, bytes })));
    pieces.sort((left, right) => left.address - right.address);
    this.#free.clear();
    const joined: { address: number; bytes: number }[] = [];
    for (const piece of pieces) {
      const last = joined.at(-1);
      if (last && last.address + last.bytes === piece.address) last.bytes += piece.bytes;
      else joined.push({ ...piece });
    }
    const last = joined.at(-1);
    if (last && last.address + last.bytes === this.#end) {
      this.#end = last.address;
      joined.pop();
    }
    const fitting = joined.filter(({ bytes }) => bytes >= size);
    const best = fitting.reduce<(typeof fitting)[number] | undefined>(
      (smallest, piece) => (smallest && smallest.bytes <= piece.bytes ? smallest : piece),
      undefined,
    );
    for (const piece of joined) if (piece !== best) this.#keep(piece.address, piece.bytes);
    if (best && best.bytes > size) this.#keep(best.address + size, best.bytes - size);
    return best?.address;
  }

  #grow(end: number): void {
    const wanted = Math.max(end, this.bytes.length + Math.max(SMALLEST_GROWTH_BYTES, this.bytes.length / 4));
    if (!this.#tryGrow(wanted) && !this.#tryGrow(end)) {
      const used = [...this.#used.values()].reduce((total, size) => total + size, 0);
      throw new SstError(
        "out-of-memory",
        `WebAssembly has no more memory: ${used} bytes are in use and ${end - this.#end} more were asked for. ` +
          "Use a smaller batch, model or context, or quantised weights",
      );
    }
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.floats = new Float32Array(this.memory.buffer);
    this.version++;
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
