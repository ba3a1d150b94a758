/** Writes a chunk's keys or values into a cache, a ring of slots, in place. */
import { positionOf } from "./ahead";

@unmanaged
export class CacheWrite {
  cache: usize;
  rows: usize;
  batch: usize;
  capacity: usize;
  time: usize;
  /** Floats of one position. */
  size: usize;
  /** The position of the first row. */
  offset: usize;
  /** By how many positions each entry of the batch is ahead of that, `[batch]`; 0 where all begin there. */
  ahead: usize;
}

export function cacheWrite(a: CacheWrite): void {
  const slot = a.size * 4;
  // Of more rows than slots the last ones.
  const count = min(a.time, a.capacity);
  for (let b: usize = 0; b < a.batch; b++) {
    const position = positionOf(a.offset, a.ahead, b);
    if (position < 0) continue;
    const first = (<usize>position + a.time - count) % a.capacity;
    const untilEnd = min(count, a.capacity - first);
    const cache = a.cache + b * a.capacity * slot;
    const rows = a.rows + ((b + 1) * a.time - count) * slot;
    memory.copy(cache + first * slot, rows, untilEnd * slot);
    memory.copy(cache, rows + untilEnd * slot, (count - untilEnd) * slot);
  }
}
