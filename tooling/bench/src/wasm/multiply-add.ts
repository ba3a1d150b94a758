/**
 * The ceiling of f32 arithmetic in WebAssembly's SIMD on this machine: inner loops of a matrix product on operands that
 * are packed and stay in the first-level cache, and one that touches no memory at all.
 */
import { assemble } from "./assemble.js";

export const ceilingKernels = ["registers", "4×8", "5×8", "6×8 relaxed"] as const;

export type CeilingKernel = (typeof ceilingKernels)[number];

export interface TimedKernel {
  /** Floating-point operations of one run. */
  readonly operations: number;
  run(): void;
}

const LANES = 4;

/** @throws EngineError where this engine lacks relaxed SIMD */
export function ceilingKernel(kernel: CeilingKernel): TimedKernel {
  switch (kernel) {
    case "registers":
      return registerKernel(12);
    case "4×8":
      return tileKernel(4, 2, false);
    case "5×8":
      return tileKernel(5, 2, false);
    case "6×8 relaxed":
      return tileKernel(6, 2, true);
  }
}

/** Independent sums, none of them waiting for another. Repeated in the text so that the loop's own counting is lost in it. */
function registerKernel(sums: number): TimedKernel {
  const [rounds, repeats] = [2000, 8];
  const names = range(sums).map((index) => `$c${index}`);
  const step = names.map((name) => multiplyAdd(name, "$a", "$b", false)).join("\n");
  const { run } = assemble(`(module (memory 1) (func (export "run") (param $n i32)
    (local $a v128) (local $b v128) ${locals(names)}
    (local.set $a (v128.load (i32.const 0))) (local.set $b (v128.load (i32.const 16)))
    (loop $next ${step.repeat(repeats)} ${countDown("$n")})
    ${stores(names)}))`);
  return { operations: 2 * LANES * sums * repeats * rounds, run: () => run?.(rounds) };
}

/** A block of `rows × 4·vectors` sums: A packed by columns of `rows` numbers, B by rows of `vectors` vectors. */
function tileKernel(rows: number, vectors: number, relaxed: boolean): TimedKernel {
  const [depth, repeats, startOfB] = [256, 20, 32768];
  const sums = range(rows * vectors).map((index) => `$c${index}`);
  const b = range(vectors).map((index) => `$b${index}`);
  const loads = b.map((name, index) => `(local.set ${name} (v128.load offset=${16 * index} (local.get $pb)))`);
  const products = range(rows).map((row) => {
    const line = b.map((name, index) => multiplyAdd(`$c${row * vectors + index}`, "$a", name, relaxed));
    return `(local.set $a (v128.load32_splat offset=${4 * row} (local.get $pa)))\n${line.join("\n")}`;
  });
  const { run } = assemble(`(module (memory 1) (func (export "run") (param $n i32)
    (local $k i32) (local $pa i32) (local $pb i32) (local $a v128) ${locals([...b, ...sums])}
    (loop $again
      (local.set $pa (i32.const 0)) (local.set $pb (i32.const ${startOfB})) (local.set $k (i32.const ${depth}))
      (loop $next ${loads.join("\n")} ${products.join("\n")}
        (local.set $pa (i32.add (local.get $pa) (i32.const ${4 * rows})))
        (local.set $pb (i32.add (local.get $pb) (i32.const ${16 * vectors})))
        ${countDown("$k")})
      ${stores(sums)}
      ${countDown("$n", "$again")})))`);
  return { operations: 2 * LANES * rows * vectors * depth * repeats, run: () => run?.(repeats) };
}

function multiplyAdd(sum: string, a: string, b: string, relaxed: boolean): string {
  const [left, right, total] = [a, b, sum].map((name) => `(local.get ${name})`);
  const value = relaxed
    ? `(f32x4.relaxed_madd ${left} ${right} ${total})`
    : `(f32x4.add ${total} (f32x4.mul ${left} ${right}))`;
  return `(local.set ${sum} ${value})`;
}

function countDown(counter: string, label = "$next"): string {
  return `(br_if ${label} (local.tee ${counter} (i32.sub (local.get ${counter}) (i32.const 1))))`;
}

/** The sums end in memory: otherwise nobody would have to compute them. */
function stores(names: readonly string[]): string {
  return names
    .map((name, index) => `(v128.store offset=${49152 + 16 * index} (i32.const 0) (local.get ${name}))`)
    .join("\n");
}

function locals(names: readonly string[]): string {
  return names.map((name) => `(local ${name} v128)`).join(" ");
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
