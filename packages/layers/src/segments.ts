/** Which positions of a chunk the stack runs over at once, and how often. */
import { SstError } from "@sst/tensor";
import type { ForwardPlan } from "./forward-options.js";

/** Neighbouring positions, each with the same number of iterations. */
export interface Segment {
  /** Counted from the chunk's first position. */
  readonly start: number;
  readonly time: number;
  readonly iterations: number;
}

/**
 * One segment, where all positions iterate alike; otherwise every position that iterates is a segment of its own, and what
 * lies between them stays parallel. With recirculation a position's later iterations need the top of the stack, so there
 * nothing runs beside it.
 *
 * @throws SstError `invalid-argument` for a chosen position outside the chunk
 */
export function segmentsOf({ iterations, positions }: ForwardPlan, time: number, recirculates: boolean): Segment[] {
  if (iterations === 1 || (positions === undefined && !recirculates)) return [{ start: 0, time, iterations }];
  const segments: Segment[] = [];
  let start = 0;
  for (const position of positions ? chosen(positions, time) : Array.from({ length: time }, (_, index) => index)) {
    if (position > start) segments.push({ start, time: position - start, iterations: 1 });
    segments.push({ start: position, time: 1, iterations });
    start = position + 1;
  }
  if (start < time) segments.push({ start, time: time - start, iterations: 1 });
  return segments;
}

/** In order, each once, counted from the chunk's start. */
function chosen(positions: readonly number[], time: number): number[] {
  const counted = positions.map((position) => {
    if (Number.isInteger(position) && position >= -time && position < time) return (position + time) % time;
    throw new SstError(
      "invalid-argument",
      `position ${position} is to iterate, but there are ${time} (0 to ${time - 1}, or from the end -1 to -${time})`,
    );
  });
  return [...new Set(counted)].sort((left, right) => left - right);
}
