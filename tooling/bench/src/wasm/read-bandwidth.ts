/** How fast WebAssembly reads memory: streams of vectors, added up so that nobody can leave the reading out. */
import { assemble } from "./assemble.js";

/** Which number of streams is read fastest depends on the memory's size and on the machine. */
const streamCounts = [1, 2, 4] as const;

/** Bytes that one round of the loop reads, from all streams together. */
const STEP = 128;

const VECTOR = 16;

export interface MemoryReader {
  readonly bytes: number;
  /** Each reads all of the memory once, in another pattern, and returns a sum. */
  readonly patterns: readonly (() => number)[];
}

/** `bytes` are rounded down to whole steps. */
export function memoryReader(bytes: number): MemoryReader {
  const whole = Math.floor(bytes / (STEP * 4)) * STEP * 4;
  const exports = assemble(`(module (memory ${Math.ceil(whole / 65536)})
    (func (export "fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const ${whole})))
    ${streamCounts.map((streams) => readFunction(streams, whole)).join("\n")})`);
  // Pages that nobody has written are all the same one of zeros.
  exports.fill?.();
  return { bytes: whole, patterns: streamCounts.map((streams) => () => exports[`read${streams}`]?.() ?? Number.NaN) };
}

function readFunction(streams: number, bytes: number): string {
  const vectorsOfStream = STEP / VECTOR / streams;
  const pointers = Array.from({ length: streams }, (_, stream) => `$p${stream}`);
  const vectors = pointers.flatMap((pointer, stream) =>
    Array.from({ length: vectorsOfStream }, (_, index) => ({
      sum: `$s${stream * vectorsOfStream + index}`,
      load: `(v128.load offset=${VECTOR * index} (local.get ${pointer}))`,
    })),
  );
  const sums = vectors.map(({ sum }) => sum);
  const start = pointers.map((pointer, stream) => `(local.set ${pointer} (i32.const ${(stream * bytes) / streams}))`);
  const reads = vectors.map(({ sum, load }) => `(local.set ${sum} (f32x4.add (local.get ${sum}) ${load}))`);
  const advance = pointers.map(
    (pointer) => `(local.set ${pointer} (i32.add (local.get ${pointer}) (i32.const ${STEP / streams})))`,
  );
  const total = sums.map((sum) => `(local.get ${sum})`).reduce((left, right) => `(f32x4.add ${left} ${right})`);
  return `(func (export "read${streams}") (result f32)
    ${pointers.map((pointer) => `(local ${pointer} i32)`).join(" ")} ${sums.map((sum) => `(local ${sum} v128)`).join(" ")}
    ${start.join("\n")}
    (loop $next ${reads.join("\n")} ${advance.join("\n")}
      (br_if $next (i32.lt_u (local.get $p0) (i32.const ${bytes / streams}))))
    (f32x4.extract_lane 0 ${total}))`;
}
