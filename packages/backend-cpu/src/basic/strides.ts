/** Dimensions and steps of strided operations: up to four, the last first, neighbours joined where they can be. */

export interface Dimension {
  readonly size: number;
  /** By how many elements each operand moves along it; 0 where it repeats. */
  readonly steps: readonly number[];
}

/** Floats between neighbours along each dimension of an array without gaps. */
export function stepsOf(shape: readonly number[]): number[] {
  const steps: number[] = [];
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    steps[axis] = step;
    step *= shape[axis] as number;
  }
  return steps;
}

/** The steps with which a tensor is read as one of the `target` shape that it broadcasts to. */
export function broadcastSteps(shape: readonly number[], target: readonly number[]): number[] {
  const own = stepsOf(shape);
  return target.map((_, axis) => {
    const at = axis - (target.length - shape.length);
    return at < 0 || shape[at] === 1 ? 0 : (own[at] as number);
  });
}

/**
 * Four dimensions, the last first, filled up with dimensions of 1: `[sizes, steps of the first operand, …]`.
 *
 * @returns undefined where four do not do
 */
export function fourDimensions(dimensions: readonly Dimension[]): number[][] | undefined {
  const joined = joinDimensions(dimensions);
  if (joined.length > 4) return undefined;
  const operands = dimensions[0]?.steps.length ?? 0;
  const at = (index: number) => joined[index];
  const four = [0, 1, 2, 3];
  const steps = Array.from({ length: operands }, (_, operand) => four.map((index) => at(index)?.steps[operand] ?? 0));
  return [four.map((index) => at(index)?.size ?? 1), ...steps];
}

/** From the last to the first, without those of size 1, and as few as possible. */
function joinDimensions(dimensions: readonly Dimension[]): Dimension[] {
  const joined: Dimension[] = [];
  for (const dimension of dimensions.toReversed()) {
    if (dimension.size === 1) continue;
    const last = joined.at(-1);
    if (last?.steps.every((step, operand) => step * last.size === dimension.steps[operand])) {
      joined[joined.length - 1] = { size: last.size * dimension.size, steps: last.steps };
    } else {
      joined.push(dimension);
    }
  }
  return joined;
}
