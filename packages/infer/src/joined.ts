/** Rows of one length, one after the other. */
export function joined(rows: readonly ArrayLike<number>[]): Float32Array {
  const size = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * size);
  rows.forEach((row, index) => {
    values.set(row, index * size);
  });
  return values;
}
