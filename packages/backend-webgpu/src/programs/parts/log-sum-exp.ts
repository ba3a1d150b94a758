/**
 * The sum of a row's exponentials, online: its largest entry, and how much the others add to that one's 1. Kept apart, a
 * row with one outstanding entry keeps the digits of the others.
 *
 *     largest   max(x)                    of no entry at all: the lowest number
 *     rest      Σ exp(x - max(x)) - 1     and -1
 */
import { numbers } from "./numbers.js";
import { rowLanes, rowThreads } from "./rows.js";

/** `spreadOfRow`: what the lanes of a row bring, merged in a tree; every lane gets the result. All threads take part. */
export function rowSpreads(rowSize: number): string {
  return `${numbers}
${rowLanes(rowSize)}

struct Spread {
  largest: f32,
  rest: f32,
}

const nothing = Spread(lowest, -1.0);
var<workgroup> spreads: array<Spread, ${rowThreads(rowSize)}>;

fn merged(left: Spread, right: Spread) -> Spread {
  if (left.largest >= right.largest) {
    return Spread(left.largest, left.rest + (right.rest + 1.0) * exponential(right.largest - left.largest));
  }
  return Spread(right.largest, right.rest + (left.rest + 1.0) * exponential(left.largest - right.largest));
}

fn spreadOfRow(thread: u32, own: Spread) -> Spread {
  spreads[thread] = own;
  workgroupBarrier();
  for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
    if (thread % LANES < reach) {
      spreads[thread] = merged(spreads[thread], spreads[thread + reach]);
    }
    workgroupBarrier();
  }
  var spread = spreads[thread - thread % LANES];
  workgroupBarrier();
  if (!isFinite(spread.largest)) {
    // An infinite entry has no share that is a number; the bits of a NaN, since products may be computed without.
    spread.rest = bitcast<f32>(bitcast<u32>(spread.largest) | 0x7fc00000u);
  }
  return spread;
}
`;
}
