/** The same operands for every engine that multiplies matrices, and what comes out. */

/** `[rows, depth] · [depth, columns]`; a transposed operand is stored the other way round. */
export interface Product {
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

export function operationCount({ rows, depth, columns }: Product): number {
  return 2 * rows * depth * columns;
}

export interface Operand {
  /** As it is stored. */
  readonly shape: [number, number];
  readonly data: Float32Array;
}

export function operands(product: Product): { readonly a: Operand; readonly b: Operand } {
  const { rows, depth, columns } = product;
  return {
    a: operand(product.transposeA ? [depth, rows] : [rows, depth], 101),
    b: operand(product.transposeB ? [columns, depth] : [depth, columns], 89),
  };
}

/** The result's last entry, in double precision. */
export function lastEntry(product: Product): number {
  const { a, b } = operands(product);
  const { rows, depth, columns } = product;
  let sum = 0;
  for (let k = 0; k < depth; k++) {
    const left = a.data[product.transposeA ? k * rows + rows - 1 : (rows - 1) * depth + k] as number;
    const right = b.data[product.transposeB ? (columns - 1) * depth + k : k * columns + columns - 1] as number;
    sum += left * right;
  }
  return sum;
}

function operand(shape: [number, number], modulus: number): Operand {
  const value = (_: unknown, index: number) => ((index * 37) % modulus) / modulus - 0.5;
  return { shape, data: Float32Array.from({ length: shape[0] * shape[1] }, value) };
}
