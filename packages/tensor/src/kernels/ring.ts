/**
 * Rings: a cache of `capacity` slots keeps position u in slot `u mod capacity`, and so the last `capacity` positions that
 * were written. Layers with a window need no more than that of the past.
 */

/** The positions that a cache holds after `length` of them, in the order of its slots; fewer than slots where it is not full. */
export function heldPositions(length: number, capacity: number): number[] {
  const oldest = Math.max(0, length - capacity);
  return Array.from({ length: length - oldest }, (_, slot) => oldest + modulo(slot - oldest, capacity));
}

/** The remainder that is not negative. */
export function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
