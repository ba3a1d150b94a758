/**
 * Fitting a probe: a logistic regression on standardised features with an L2 penalty, by Newton's method. The problem is
 * convex and the start is zero, so there is one result and no seed. Each Newton step is solved by conjugate gradients, which
 * needs no matrix of features by features.
 */
import { Probe } from "@sst/layers";
import { SstError } from "@sst/tensor";

export interface ProbeRow {
  readonly features: ArrayLike<number>;
  /** Whether the answer survived. */
  readonly label: boolean;
}

export interface FitProbeOptions {
  /** Half of it times the squared weights is added to the summed loss; the bias has none. Defaults to 10. */
  readonly l2?: number;
}

const MAXIMUM_STEPS = 100;
/** Largest entry of the gradient at which the fit is done, per row. */
const TOLERANCE = 1e-9;

/** @throws SstError `invalid-argument` for rows of one class alone, or options; `shape-mismatch`; `not-finite` */
export function fitProbe(rows: readonly ProbeRow[], options: FitProbeOptions = {}): Probe {
  const { l2 = 10 } = options;
  if (!(l2 > 0 && Number.isFinite(l2))) throw new SstError("invalid-argument", `l2 should be above 0, but is ${l2}`);
  requireRows(rows);
  const { mean, scale, columns } = standardize(rows);
  const problem = new LogisticProblem(
    columns,
    rows.map(({ label }) => (label ? 1 : 0)),
    l2,
  );
  const solution = minimize(problem);
  return new Probe({
    mean: Float32Array.from(mean),
    scale: Float32Array.from(scale),
    weights: Float32Array.from(solution.subarray(0, -1)),
    bias: solution.at(-1) as number,
  });
}

function requireRows(rows: readonly ProbeRow[]): void {
  const positive = rows.filter(({ label }) => label).length;
  if (positive === 0 || positive === rows.length) {
    throw new SstError(
      "invalid-argument",
      `a probe needs answers that survive and answers that break, but of ${rows.length} ${positive} survive: take more ` +
        "questions, or harder ones",
    );
  }
  const size = (rows[0] as ProbeRow).features.length;
  for (const [index, { features }] of rows.entries()) {
    if (features.length !== size) {
      throw new SstError("shape-mismatch", `row 1 has ${size} features, but row ${index + 1} has ${features.length}`);
    }
    if (!Array.prototype.every.call(features, Number.isFinite)) {
      throw new SstError("not-finite", `row ${index + 1} has a feature that is not finite`);
    }
  }
}

/** Features by column, of mean 0 and deviation 1. */
function standardize(rows: readonly ProbeRow[]): { mean: number[]; scale: number[]; columns: Float64Array[] } {
  const size = (rows[0] as ProbeRow).features.length;
  const [mean, scale]: [number[], number[]] = [[], []];
  const columns: Float64Array[] = [];
  for (let index = 0; index < size; index++) {
    const column = Float64Array.from(rows, ({ features }) => features[index] as number);
    const average = column.reduce((total, value) => total + value, 0) / column.length;
    const variance = column.reduce((total, value) => total + (value - average) ** 2, 0) / column.length;
    // What does not change says nothing: it stays 0.
    const deviation = Math.sqrt(variance) || 1;
    // As they are saved, so that the fit is of the numbers that will be used.
    mean.push(Math.fround(average));
    scale.push(Math.fround(deviation));
    columns.push(column.map((value) => (value - Math.fround(average)) / Math.fround(deviation)));
  }
  return { mean, scale, columns };
}

/** Loss, gradient and curvature in weights and bias, the bias last. */
class LogisticProblem {
  readonly rows: number;
  readonly size: number;

  constructor(
    private readonly columns: readonly Float64Array[],
    private readonly labels: readonly number[],
    private readonly l2: number,
  ) {
    this.rows = labels.length;
    this.size = columns.length + 1;
  }

  /** By row. */
  logits(parameters: Float64Array): Float64Array {
    const result = new Float64Array(this.rows).fill(parameters.at(-1) as number);
    for (const [index, column] of this.columns.entries()) addScaled(result, parameters[index] as number, column);
    return result;
  }

  loss(parameters: Float64Array): number {
    const logits = this.logits(parameters);
    let total = 0;
    for (let row = 0; row < this.rows; row++) {
      const logit = logits[row] as number;
      // log(1 + exp(logit)) - label · logit, without overflow
      total += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - (this.labels[row] as number) * logit;
    }
    for (let index = 0; index < this.size - 1; index++) total += (this.l2 / 2) * (parameters[index] as number) ** 2;
    return total;
  }

  gradient(parameters: Float64Array): { gradient: Float64Array; curvature: Float64Array } {
    const probabilities = this.logits(parameters).map((logit) => 1 / (1 + Math.exp(-logit)));
    const errors = probabilities.map((probability, row) => probability - (this.labels[row] as number));
    return {
      gradient: this.#backwards(errors, parameters),
      curvature: probabilities.map((probability) => probability * (1 - probability)),
    };
  }

  /** The product of the second derivatives with a direction. */
  curve(direction: Float64Array, curvature: Float64Array): Float64Array {
    const along = this.logits(direction).map((value, row) => value * (curvature[row] as number));
    return this.#backwards(along, direction);
  }

  #backwards(byRow: Float64Array, parameters: Float64Array): Float64Array {
    const result = new Float64Array(this.size);
    for (const [index, column] of this.columns.entries()) {
      result[index] = dot(column, byRow) + this.l2 * (parameters[index] as number);
    }
    result[this.size - 1] = byRow.reduce((total, value) => total + value, 0);
    return result;
  }
}

function minimize(problem: LogisticProblem): Float64Array {
  let parameters = new Float64Array(problem.size);
  let loss = problem.loss(parameters);
  for (let step = 0; step < MAXIMUM_STEPS; step++) {
    const { gradient, curvature } = problem.gradient(parameters);
    if (gradient.every((entry) => Math.abs(entry) <= TOLERANCE * problem.rows)) break;
    const direction = newtonDirection(problem, gradient, curvature);
    const slope = dot(direction, gradient);
    const before = loss;
    for (let length = 1; length > 1e-10; length /= 2) {
      const candidate = Float64Array.from(parameters);
      addScaled(candidate, length, direction);
      const reached = problem.loss(candidate);
      if (reached > loss + 1e-4 * length * slope) continue;
      [parameters, loss] = [candidate, reached];
      break;
    }
    // No step is short enough to gain anything more: the numbers have no more digits.
    if (loss >= before) break;
  }
  return parameters;
}

/** Solves `H · d = -gradient`. */
function newtonDirection(problem: LogisticProblem, gradient: Float64Array, curvature: Float64Array): Float64Array {
  const direction = new Float64Array(problem.size);
  const residual = gradient.map((entry) => -entry);
  let search = Float64Array.from(residual);
  let square = dot(residual, residual);
  // A thousandth of the gradient: the next step corrects the rest.
  const enough = square * 1e-6;
  for (let step = 0; step < 4 * problem.size && square > enough; step++) {
    const curved = problem.curve(search, curvature);
    const length = square / dot(search, curved);
    if (!Number.isFinite(length)) break;
    addScaled(direction, length, search);
    addScaled(residual, -length, curved);
    const next = dot(residual, residual);
    search = search.map((entry, index) => (residual[index] as number) + (next / square) * entry);
    square = next;
  }
  return direction;
}

function addScaled(target: Float64Array, factor: number, values: Float64Array): void {
  if (factor === 0) return;
  for (let index = 0; index < target.length; index++) {
    target[index] = (target[index] as number) + factor * (values[index] as number);
  }
}

function dot(left: Float64Array, right: Float64Array): number {
  let total = 0;
  for (let index = 0; index < left.length; index++) total += (left[index] as number) * (right[index] as number);
  return total;
}
