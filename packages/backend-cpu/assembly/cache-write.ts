/** Writes a chunk's keys or values into a cache, a ring of slots, in place. */

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
}

export function cacheWrite(a: CacheWrite): void {
  const slot = a.size * 4;
  // Of more rows than slots the last ones.
  const count = min(a.time, a.capacity);
  const first = (a.offset + a.time - count) % a.capacity;
  const untilEnd = min(count, a.capacity - first);
  for (let b: usize = 0; b < a.batch; b++) {
    const cache = a.cache + b * a.capacity * slot;
    const rows = a.rows + ((b + 1) * a.time - count) * slot;
    memory.copy(cache + first * slot, rows, untilEnd * slot);
    memory.copy(cache, rows + untilEnd * slot, (count - untilEnd) * slot);
  }
}
