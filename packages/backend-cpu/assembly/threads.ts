/**
 * One thread calls, the others help: a job is a part (a function over a range of items) that is cut into pieces, and
 * whoever is free claims the next piece. The thread that calls works too, so nothing ever waits for a thread that is
 * late, only for pieces that somebody has begun.
 *
 * The control words lie at the bottom of the shared memory, those that are written often on cache lines of their own.
 */
import { Part, runPart } from "./parts";

/** Counts jobs; sleeping threads wait for it to change. */
const GENERATION: usize = 64;
/** Pieces of the job that nobody has claimed; below 1 there are none. */
const UNCLAIMED: usize = 128;
/** Pieces of the job that are not done. */
const PENDING: usize = 192;
const SLEEPERS: usize = 256;
const JOB_PART: usize = 320;
const JOB_ARGUMENTS: usize = 324;
const JOB_TOTAL: usize = 328;
const JOB_GRAIN: usize = 332;
/** How many threads there are, the calling one included. Set from outside, like all that follows. */
const THREADS: usize = 384;
/** Whether the calling thread may sleep (a browser's main thread may not). */
const CAN_SLEEP: usize = 388;
/** Where the threads' own work areas lie, and how long each is. */
const AREAS: usize = 392;
const AREA_BYTES: usize = 396;
/** Not 0 once a helping thread has trapped. */
const FAILED: usize = 400;
/** Not 0 when the helping threads are to end. */
const STOPPED: usize = 404;

/** Pieces of work that helping threads have done. */
const HELPED: usize = 448;

/** How often a thread looks before it sleeps: some hundred microseconds, longer than the gap between two kernels. */
const LOOKS: u32 = 200_000;

/** Elements of one piece of work that touches each of them once. */
export const ELEMENTS: usize = 16_384;

/** Which thread this instance runs on; 0 calls. */
let thread: usize = 0;

// @ts-ignore: decorator
@inline
export function threadCount(): usize {
  return load<usize>(THREADS);
}

/** Rows of one piece of work on rows of `size` elements. */
// @ts-ignore: decorator
@inline
export function grainOf(size: usize): usize {
  return max<usize>(1, ELEMENTS / size);
}

/** This thread's own work area. */
// @ts-ignore: decorator
@inline
export function workArea(): usize {
  return load<usize>(AREAS) + thread * load<usize>(AREA_BYTES);
}

/** Runs `part` over items 0 … `total`, in pieces of `grain` where there is anybody to share them with. */
export function parallel(part: Part, args: usize, total: usize, grain: usize): void {
  if (threadCount() == 1 || total <= grain) {
    if (total > 0) runPart(part, args, 0, total);
    return;
  }
  const pieces = <i32>((total + grain - 1) / grain);
  store<i32>(JOB_PART, part);
  store<usize>(JOB_ARGUMENTS, args);
  store<usize>(JOB_TOTAL, total);
  store<usize>(JOB_GRAIN, grain);
  atomic.store<i32>(PENDING, pieces);
  atomic.store<i32>(UNCLAIMED, pieces);
  atomic.add<i32>(GENERATION, 1);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(GENERATION, i32.MAX_VALUE);
  claimPieces();
  let looks: u32 = 0;
  let pending = atomic.load<i32>(PENDING);
  while (pending > 0) {
    if (atomic.load<i32>(FAILED) != 0) unreachable();
    if (++looks > LOOKS && load<i32>(CAN_SLEEP) != 0) atomic.wait<i32>(PENDING, pending, 1_000_000);
    pending = atomic.load<i32>(PENDING);
  }
}

/**
 * A claim comes before the job is read: the job cannot end, and another one cannot take its place, while a piece that
 * somebody has claimed is not done. Returns how many pieces were done.
 */
function claimPieces(): i32 {
  let done = 0;
  let piece = claim();
  while (piece >= 0) {
    const grain = load<usize>(JOB_GRAIN);
    const from = <usize>piece * grain;
    runPart(load<i32>(JOB_PART), load<usize>(JOB_ARGUMENTS), from, min(from + grain, load<usize>(JOB_TOTAL)));
    if (atomic.sub<i32>(PENDING, 1) == 1) atomic.notify(PENDING, 1);
    done++;
    piece = claim();
  }
  return done;
}

/** The number of a piece that is now the caller's, negative where there are no more. */
// @ts-ignore: decorator
@inline
function claim(): i32 {
  return atomic.sub<i32>(UNCLAIMED, 1) - 1;
}

/** The life of a helping thread. */
export function help(index: usize): void {
  thread = index;
  while (atomic.load<i32>(STOPPED) == 0) {
    // Read before looking for work: a job that comes in between changes it, and the wait below returns at once.
    const generation = atomic.load<i32>(GENERATION);
    const done = claimPieces();
    if (done > 0) atomic.add<i32>(HELPED, done);
    let looks: u32 = 0;
    while (atomic.load<i32>(GENERATION) == generation && ++looks < LOOKS) {}
    if (looks < LOOKS) continue;
    atomic.add<i32>(SLEEPERS, 1);
    atomic.wait<i32>(GENERATION, generation, -1);
    atomic.sub<i32>(SLEEPERS, 1);
  }
}
