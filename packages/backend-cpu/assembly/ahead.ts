/** Entries of a batch that stand at different positions. */

/** The position of an entry's first column, negative for one that has nothing to do. */
// @ts-ignore: decorator
@inline
export function positionOf(offset: usize, ahead: usize, b: usize): isize {
  return <isize>offset + (ahead == 0 ? 0 : <isize>load<i32>(ahead + b * 4));
}
