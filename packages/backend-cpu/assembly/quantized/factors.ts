/** The factors that the sums of blocks are multiplied with: the weights' scales times the activations'. */
import { madd } from "../math";
import { BLOCK, blocksOf, correctionsOffset, GROUP, LINES, scalesOffset } from "./activations";
import { halfBitsAt, movedHalves } from "./halves";
import { entryOf, Kind } from "./kind";

/** 2^112, which makes floats of the bits of halves the halves' values. */
const HALF_SCALE: usize = memory.data<f32>([5192296858534827628530496329220096.0]);

/** What a thread needs in its work area: the factors of every block of the lines, and where the lines' sums begin. */
export function quantizedAreaBytes(depth: usize): usize {
  return LINES * (factorBytes(depth) + 16);
}

// @ts-ignore: decorator
@inline
export function factorBytes(depth: usize): usize {
  return blocksOf(depth) * 4;
}

/**
 * The factors of the blocks of four lines, scale times scale, filled up with zeros, and behind them for each line what int4's
 * corrections add up to.
 *
 * @param scaleStep from a line's scales to those of the next one
 */
// @ts-ignore: decorator
@inline
export function prepareFactors(x: usize, scales: usize, scaleStep: usize, area: usize, depth: usize, kind: Kind): void {
  const halfBits = v128.load32_splat(halfBitsAt);
  const halfScale = v128.load32_splat(HALF_SCALE);
  let activationScales = x + scalesOffset(depth, entryOf(kind));
  let corrections = x + correctionsOffset(depth, entryOf(kind));
  let scalesA = scales;
  let scalesB = scalesA + scaleStep;
  let scalesC = scalesB + scaleStep;
  let scalesD = scalesC + scaleStep;
  let factorsA = area;
  let factorsB = factorsA + factorBytes(depth);
  let factorsC = factorsB + factorBytes(depth);
  let factorsD = factorsC + factorBytes(depth);
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let rest = <isize>((depth + BLOCK - 1) / BLOCK); rest > 0; rest -= <isize>GROUP) {
    let factorA = movedHalves(scalesA, halfBits);
    let factorB = movedHalves(scalesB, halfBits);
    let factorC = movedHalves(scalesC, halfBits);
    let factorD = movedHalves(scalesD, halfBits);
    if (rest < <isize>GROUP) {
      // The scales behind a line's last are the next line's, or nobody's.
      const lanes = firstLanes(rest);
      factorA = v128.and(factorA, lanes);
      factorB = v128.and(factorB, lanes);
      factorC = v128.and(factorC, lanes);
      factorD = v128.and(factorD, lanes);
    }
    const ofActivations = v128.load(activationScales);
    factorA = f32x4.mul(f32x4.mul(factorA, halfScale), ofActivations);
    factorB = f32x4.mul(f32x4.mul(factorB, halfScale), ofActivations);
    factorC = f32x4.mul(f32x4.mul(factorC, halfScale), ofActivations);
    factorD = f32x4.mul(f32x4.mul(factorD, halfScale), ofActivations);
    v128.store(factorsA, factorA);
    v128.store(factorsB, factorB);
    v128.store(factorsC, factorC);
    v128.store(factorsD, factorD);
    if (kind != Kind.int8) {
      const correction = v128.load(corrections);
      a = madd(factorA, correction, a);
      b = madd(factorB, correction, b);
      c = madd(factorC, correction, c);
      d = madd(factorD, correction, d);
      corrections += GROUP * 4;
    }
    activationScales += GROUP * 4;
    scalesA += GROUP * 2;
    scalesB += GROUP * 2;
    scalesC += GROUP * 2;
    scalesD += GROUP * 2;
    factorsA += GROUP * 4;
    factorsB += GROUP * 4;
    factorsC += GROUP * 4;
    factorsD += GROUP * 4;
  }
  const sums = area + LINES * factorBytes(depth);
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}

// @ts-ignore: decorator
@inline
function firstLanes(count: isize): v128 {
  return i32x4.gt_s(i32x4.splat(<i32>count), i32x4(0, 1, 2, 3));
}
