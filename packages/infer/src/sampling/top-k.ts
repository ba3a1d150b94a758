/** The k largest of many numbers in one pass, without ordering the others. */

/** Indices of the `count` largest values, ascending; of equal ones the first count. */
export function largestIndices(values: Float32Array, count: number): Int32Array {
  // A heap with the one at its root that the next larger value replaces.
  const heap = Int32Array.from({ length: Math.min(count, values.length) }, (_, index) => index);
  const isWorse = (left: number, right: number) => {
    const difference = (values[left] as number) - (values[right] as number);
    return difference < 0 || (difference === 0 && left > right);
  };
  for (let start = (heap.length >> 1) - 1; start >= 0; start--) sink(heap, start, isWorse);
  for (let index = heap.length; index < values.length; index++) {
    if (!((values[index] as number) > (values[heap[0] as number] as number))) continue;
    heap[0] = index;
    sink(heap, 0, isWorse);
  }
  return heap.sort();
}

/** Moves an entry down to where no worse one is below it. */
function sink(heap: Int32Array, start: number, isWorse: (left: number, right: number) => boolean): void {
  const entry = heap[start] as number;
  let at = start;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isWorse(heap[child + 1] as number, heap[child] as number)) child++;
    if (!isWorse(heap[child] as number, entry)) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = entry;
}
