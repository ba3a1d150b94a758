/** Basic operations on floats, element by element: with broadcasting over up to four dimensions, and sums. */
import { loadTail, sigmoid4, storeTail } from "./math";
import { Part } from "./parts";
import { ELEMENTS, grainOf, parallel } from "./threads";

export enum BinaryOperation {
  add,
  subtract,
  multiply,
  divide,
  maximum,
  minimum,
}

export enum UnaryOperation {
  negate,
  absolute,
  squareRoot,
  square,
  sigmoid,
  rectify,
  /** From a 32-bit integer. */
  toFloat,
}

/** The result's dimensions, the last first, and by how many floats each operand moves along them (0: it repeats). */
@unmanaged
export class Binary {
  operation: i32;
  left: usize;
  right: usize;
  result: usize;
  size0: usize;
  size1: usize;
  size2: usize;
  size3: usize;
  /** Along the last dimension 0 or 1. */
  left0: usize;
  left1: usize;
  left2: usize;
  left3: usize;
  right0: usize;
  right1: usize;
  right2: usize;
  right3: usize;
}

@unmanaged
export class Unary {
  operation: i32;
  x: usize;
  y: usize;
  size: usize;
}

/** Copies 32-bit elements between strided arrays; dimensions and steps as in `Binary`. */
@unmanaged
export class StridedCopy {
  source: usize;
  target: usize;
  size0: usize;
  size1: usize;
  size2: usize;
  size3: usize;
  source0: usize;
  source1: usize;
  source2: usize;
  source3: usize;
  target0: usize;
  target1: usize;
  target2: usize;
  target3: usize;
}

/** Puts one 32-bit value everywhere. */
@unmanaged
export class Fill {
  target: usize;
  size: usize;
  value: u32;
}

@unmanaged
export class Sum {
  x: usize;
  y: usize;
  rows: usize;
  size: usize;
}

// @ts-ignore: decorator
@inline
function combine(operation: i32, left: v128, right: v128): v128 {
  switch (operation) {
    case BinaryOperation.add:
      return f32x4.add(left, right);
    case BinaryOperation.subtract:
      return f32x4.sub(left, right);
    case BinaryOperation.multiply:
      return f32x4.mul(left, right);
    case BinaryOperation.divide:
      return f32x4.div(left, right);
    case BinaryOperation.maximum:
      return f32x4.max(left, right);
    default:
      return f32x4.min(left, right);
  }
}

// @ts-ignore: decorator
@inline
function operandAt(base: usize, step: usize, i: usize): v128 {
  return step ? v128.load(base + i * 4) : v128.load32_splat(base);
}

// @ts-ignore: decorator
@inline
function combineRow(operation: i32, left: usize, right: usize, result: usize, size: usize, leftStep: usize, rightStep: usize): void {
  const whole = size & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(result + i * 4, combine(operation, operandAt(left, leftStep, i), operandAt(right, rightStep, i)));
  }
  const rest = size - whole;
  if (rest == 0) return;
  const at = whole * 4;
  const l = leftStep ? loadTail(left + at, rest, 0) : v128.load32_splat(left);
  const r = rightStep ? loadTail(right + at, rest, 0) : v128.load32_splat(right);
  storeTail(result + at, combine(operation, l, r), rest);
}

export function binary(a: Binary): void {
  const rows = a.size1 * a.size2 * a.size3;
  if (rows == 1) parallel(Part.binaryElements, changetype<usize>(a), a.size0, ELEMENTS);
  else parallel(Part.binaryRows, changetype<usize>(a), rows, grainOf(a.size0));
}

/** A single row, from element to element. */
export function binaryElements(a: Binary, from: usize, to: usize): void {
  const left = a.left + from * a.left0 * 4;
  const right = a.right + from * a.right0 * 4;
  rowByOperation(a, left, right, a.result + from * 4, to - from);
}

export function binaryRows(a: Binary, from: usize, to: usize): void {
  for (let row = from; row < to; row++) {
    const i = row % a.size1;
    const j = (row / a.size1) % a.size2;
    const k = row / (a.size1 * a.size2);
    const left = a.left + (i * a.left1 + j * a.left2 + k * a.left3) * 4;
    const right = a.right + (i * a.right1 + j * a.right2 + k * a.right3) * 4;
    rowByOperation(a, left, right, a.result + row * a.size0 * 4, a.size0);
  }
}

/** The choice is made once a row, not once an element. */
function rowByOperation(a: Binary, left: usize, right: usize, result: usize, size: usize): void {
  switch (a.operation) {
    case BinaryOperation.add:
      combineRow(BinaryOperation.add, left, right, result, size, a.left0, a.right0);
      break;
    case BinaryOperation.subtract:
      combineRow(BinaryOperation.subtract, left, right, result, size, a.left0, a.right0);
      break;
    case BinaryOperation.multiply:
      combineRow(BinaryOperation.multiply, left, right, result, size, a.left0, a.right0);
      break;
    case BinaryOperation.divide:
      combineRow(BinaryOperation.divide, left, right, result, size, a.left0, a.right0);
      break;
    case BinaryOperation.maximum:
      combineRow(BinaryOperation.maximum, left, right, result, size, a.left0, a.right0);
      break;
    default:
      combineRow(BinaryOperation.minimum, left, right, result, size, a.left0, a.right0);
  }
}

// @ts-ignore: decorator
@inline
function transform(operation: i32, x: v128): v128 {
  switch (operation) {
    case UnaryOperation.negate:
      return f32x4.neg(x);
    case UnaryOperation.absolute:
      return f32x4.abs(x);
    case UnaryOperation.squareRoot:
      return f32x4.sqrt(x);
    case UnaryOperation.square:
      return f32x4.mul(x, x);
    case UnaryOperation.sigmoid:
      return sigmoid4(x);
    case UnaryOperation.rectify:
      return f32x4.max(x, f32x4.splat(0));
    default:
      return f32x4.convert_i32x4_s(x);
  }
}

export function unary(a: Unary): void {
  parallel(Part.unaryElements, changetype<usize>(a), a.size, ELEMENTS);
}

export function unaryElements(a: Unary, from: usize, to: usize): void {
  const whole = from + ((to - from) & ~3);
  for (let i = from; i < whole; i += 4) {
    v128.store(a.y + i * 4, transform(a.operation, v128.load(a.x + i * 4)));
  }
  const rest = to - whole;
  storeTail(a.y + whole * 4, transform(a.operation, loadTail(a.x + whole * 4, rest, 0)), rest);
}

export function stridedCopy(a: StridedCopy): void {
  parallel(Part.copyRows, changetype<usize>(a), a.size1 * a.size2 * a.size3, grainOf(a.size0));
}

export function copyRows(a: StridedCopy, from: usize, to: usize): void {
  const isPlain = a.source0 == 1 && a.target0 == 1;
  for (let row = from; row < to; row++) {
    const i = row % a.size1;
    const j = (row / a.size1) % a.size2;
    const k = row / (a.size1 * a.size2);
    let source = a.source + (i * a.source1 + j * a.source2 + k * a.source3) * 4;
    let target = a.target + (i * a.target1 + j * a.target2 + k * a.target3) * 4;
    if (isPlain) {
      memory.copy(target, source, a.size0 * 4);
      continue;
    }
    for (let element: usize = 0; element < a.size0; element++) {
      store<u32>(target, load<u32>(source));
      source += a.source0 * 4;
      target += a.target0 * 4;
    }
  }
}

export function fill(a: Fill): void {
  const values = i32x4.splat(a.value);
  const whole = a.size & ~3;
  for (let i: usize = 0; i < whole; i += 4) v128.store(a.target + i * 4, values);
  for (let i = whole; i < a.size; i++) store<u32>(a.target + i * 4, a.value);
}

/** y[row] = Σ x[row], added up in double precision. */
export function sumRows(a: Sum): void {
  parallel(Part.sumRows, changetype<usize>(a), a.rows, grainOf(a.size));
}

export function sumRowsPart(a: Sum, from: usize, to: usize): void {
  const whole = a.size & ~3;
  for (let row = from; row < to; row++) {
    const x = a.x + row * a.size * 4;
    let low = f64x2.splat(0);
    let high = low;
    for (let i: usize = 0; i < whole; i += 4) {
      const values = v128.load(x + i * 4);
      low = f64x2.add(low, f64x2.promote_low_f32x4(values));
      high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3)));
    }
    const both = f64x2.add(low, high);
    let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
    for (let i = whole; i < a.size; i++) sum += <f64>load<f32>(x + i * 4);
    store<f32>(a.y + row * 4, <f32>sum);
  }
}

/** y[row] = the index of the first of the largest of x[row]; 0 where none is a number. */
export function argMax(a: Sum): void {
  for (let row: usize = 0; row < a.rows; row++) {
    const x = a.x + row * a.size * 4;
    let best: f32 = -Infinity;
    let index: usize = 0;
    let i: usize = 0;
    for (; i + 4 <= a.size; i += 4) {
      // Seldom true: a vector that holds nothing larger is passed over whole.
      if (!v128.any_true(f32x4.gt(v128.load(x + i * 4), f32x4.splat(best)))) continue;
      for (let lane: usize = 0; lane < 4; lane++) {
        const value = load<f32>(x + (i + lane) * 4);
        if (value > best) {
          best = value;
          index = i + lane;
        }
      }
    }
    for (; i < a.size; i++) {
      const value = load<f32>(x + i * 4);
      if (value > best) {
        best = value;
        index = i;
      }
    }
    store<i32>(a.y + row * 4, <i32>index);
  }
}

/** y[column] = Σ x[:, column]. */
export function sumColumns(a: Sum): void {
  parallel(Part.sumColumns, changetype<usize>(a), a.size, max<usize>(64, a.size / 8));
}

export function sumColumnsPart(a: Sum, from: usize, to: usize): void {
  const whole = from + ((to - from) & ~3);
  for (let i = from; i < whole; i += 4) {
    let sum = f32x4.splat(0);
    for (let row: usize = 0; row < a.rows; row++) sum = f32x4.add(sum, v128.load(a.x + (row * a.size + i) * 4));
    v128.store(a.y + i * 4, sum);
  }
  for (let i = whole; i < to; i++) {
    let sum: f32 = 0;
    for (let row: usize = 0; row < a.rows; row++) sum += load<f32>(a.x + (row * a.size + i) * 4);
    store<f32>(a.y + i * 4, sum);
  }
}
