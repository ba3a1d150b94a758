/**
 * Rings: a cache of `capacity` slots keeps position u in slot `u mod capacity`, and so the last `capacity` positions that
 * were written. Layers with a window need no more than that of the past.
 */

/** How many positions may precede a chunk: without bound where the cache holds all that a window reaches, else as many as it holds. */
export function mostPositions(capacity: number, window: number): number {
  return window > 0 && Math.max(window - 1, 1) <= capacity ? Number.POSITIVE_INFINITY : capacity;
}

/** The positions that a cache holds after `length` of them, in the order of its slots; fewer than slots where it is not full. */
export function heldPositions(length: number, capacity: number): number[] {
  const oldest = Math.max(0, length - capacity);
  return Array.from({ length: length - oldest }, (_, slot) => oldest + modulo(slot - oldest, capacity));
}

/** The remainder that is not negative. */
export function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
