/** Writes a chunk's keys or values into a cache, in place. */

@unmanaged
export class CacheWrite {
  cache: usize;
  rows: usize;
  batch: usize;
  capacity: usize;
  time: usize;
  /** Floats of one position. */
  size: usize;
  offset: usize;
}

export function cacheWrite(a: CacheWrite): void {
  const bytes = a.time * a.size * 4;
  for (let b: usize = 0; b < a.batch; b++) {
    memory.copy(a.cache + (b * a.capacity + a.offset) * a.size * 4, a.rows + b * bytes, bytes);
  }
}
