/** How fast WebAssembly reads memory: four interleaved streams of vectors, added up so that nobody can leave the reading out. */
import { assemble } from "./assemble.js";

const STREAMS = 4;

/** A function that reads `bytes` (rounded down to whole steps) of a memory of its own once. */
export function memoryReader(bytes: number): { readonly bytes: number; read(): number } {
  const stepBytes = 128;
  const perStream = Math.floor(bytes / STREAMS / (stepBytes / STREAMS)) * (stepBytes / STREAMS);
  const streams = Array.from({ length: STREAMS }, (_, index) => index);
  const vectors = streams.flatMap((stream) => [0, 1].map((half) => ({ stream, half, sum: `$s${2 * stream + half}` })));
  const loads = vectors.map(
    ({ stream, half, sum }) =>
      `(local.set ${sum} (f32x4.add (local.get ${sum}) (v128.load offset=${16 * half} (local.get $p${stream}))))`,
  );
  const advance = streams.map((stream) => `(local.set $p${stream} (i32.add (local.get $p${stream}) (i32.const 32)))`);
  const starts = streams.map((stream) => `(local.set $p${stream} (i32.const ${stream * perStream}))`);
  const total = vectors.map(({ sum }) => `(local.get ${sum})`).reduce((left, right) => `(f32x4.add ${left} ${right})`);
  const pages = Math.ceil((STREAMS * perStream) / 65536) + 1;
  const { read, fill } = assemble(`(module (memory ${pages})
    (func (export "fill") (result i32)
      (memory.fill (i32.const 0) (i32.const 1) (i32.const ${STREAMS * perStream})) (i32.const 0))
    (func (export "read") (result f32)
      ${streams.map((stream) => `(local $p${stream} i32)`).join(" ")} ${vectors.map(({ sum }) => `(local ${sum} v128)`).join(" ")}
      ${starts.join("\n")}
      (loop $next ${loads.join("\n")} ${advance.join("\n")}
        (br_if $next (i32.lt_u (local.get $p0) (i32.const ${perStream}))))
      (f32x4.extract_lane 0 ${total})))`);
  // Pages that nobody has written are all the same one of zeros.
  fill?.();
  return { bytes: STREAMS * perStream, read: () => read?.() ?? Number.NaN };
}
