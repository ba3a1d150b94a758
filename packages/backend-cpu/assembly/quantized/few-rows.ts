/** Products of few rows with a packed weight: a decoded token. The weight is read as it lies in memory, once. */
import { linesPerPiece } from "../matrix/few-rows";
import { Part } from "../parts";
import { parallel, workArea } from "../threads";
import { entryBytes, preparedRowBytes, prepareRows } from "./activations";
import { dotBlocks } from "./dots";
import { dotHalves } from "./half-dots";
import { hasFusedDot, Kind } from "./kind";

@unmanaged
export class QuantizedProduct {
  x: usize;
  words: usize;
  scales: usize;
  result: usize;
  rows: usize;
  /** Length of a row of x. */
  depth: usize;
  columns: usize;
  /** 16, 8 or 4. */
  bits: usize;
  /** 16 or 8: to how many x is rounded, if the weight is not f16. */
  activationBits: usize;
  /** `quantizedScratchBytes` of room. */
  scratch: usize;
}

/** The room that a row's padded end is prepared in comes last. */
export function quantizedScratchBytes(rows: usize, depth: usize, bits: usize, activationBits: usize): usize {
  return rows * preparedRowBytes(depth, bits, activationBits) + 128;
}

export function quantizedProduct(a: QuantizedProduct): void {
  const padding = a.scratch + a.rows * preparedRowBytes(a.depth, a.bits, a.activationBits);
  prepareRows(a.x, a.scratch, a.rows, a.depth, a.bits, a.activationBits, padding);
  parallel(Part.quantizedLines, changetype<usize>(a), a.columns, linesPerPiece(a.columns, a.depth));
}

export function quantizedLines(a: QuantizedProduct, from: usize, to: usize): void {
  if (a.bits == 16) halfLines(a, from, to);
  else if (a.bits == 8) int8Lines(a, from, to);
  else if (entryBytes(a.bits, a.activationBits) == 2) int4Lines(a, from, to);
  else if (hasFusedDot()) int4LinesFused(a, from, to);
  else int4LinesByBytes(a, from, to);
}

// A function for each kind: engines keep the variables of one loop in registers, and not those of several in one function.

function halfLines(a: QuantizedProduct, from: usize, to: usize): void {
  const rowBytes = preparedRowBytes(a.depth, 16, 16);
  dotHalves(a.scratch, rowBytes, a.rows, a.words, a.result, a.columns, a.depth, from, to);
}

function int8Lines(a: QuantizedProduct, from: usize, to: usize): void {
  linesOf(a, Kind.int8, from, to);
}

function int4Lines(a: QuantizedProduct, from: usize, to: usize): void {
  linesOf(a, Kind.int4, from, to);
}

function int4LinesByBytes(a: QuantizedProduct, from: usize, to: usize): void {
  linesOf(a, Kind.int4ByBytes, from, to);
}

function int4LinesFused(a: QuantizedProduct, from: usize, to: usize): void {
  linesOf(a, Kind.int4ByBytesFused, from, to);
}

// @ts-ignore: decorator
@inline
function linesOf(a: QuantizedProduct, kind: Kind, from: usize, to: usize): void {
  const rowBytes = preparedRowBytes(a.depth, a.bits, a.activationBits);
  dotBlocks(a.scratch, rowBytes, a.rows, a.words, a.scales, a.result, a.columns, a.depth, kind, from, to, workArea());
}
