/** How long a model thinks at a position: what a policy is asked, and what it sees. */

/** A position that the model is about to read, or reads. */
export interface PositionView {
  /** Counted from 0 over prompt and text. */
  readonly position: number;
  /** Whether it gives the first token of the text: the prompt's last position. */
  readonly isFirstGenerated: boolean;
}

/** What there is after an iteration. Arrays are of host memory and stay as they are. */
export interface IterationView extends PositionView {
  /** Iterations that the position has had, from 1 on. */
  readonly iteration: number;
  /** Next-token logits after this iteration, `[vocabSize]`; there where the policy needs logits. */
  readonly logits?: Float32Array;
  /** Those of the iteration before; not there after the first. */
  readonly previousLogits?: Float32Array;
  /** Latent states of all layers, `[numHiddenLayers]` of `[hiddenSize]`; there where the policy needs states. */
  readonly states?: readonly Float32Array[];
  /** Those of the iteration before; not there after the first. */
  readonly previousStates?: readonly Float32Array[];
}

/** What has to be read back from the device after every iteration of a position. */
export interface Needs {
  readonly states?: boolean;
  readonly logits?: boolean;
}

/** When to stop iterating. It can be shared: what it remembers of a text is in the deliberation that it starts. */
export interface DeliberationPolicy {
  /** Names it in reports, with its settings. */
  readonly name: string;
  /** The most iterations that a position has; it is not asked after that many. */
  readonly maximum: number;
  /** Begins a text. Texts that are drawn from one prompt share the deliberation of its last position. */
  start(): Deliberation;
}

/** A policy at work on one text. */
export interface Deliberation {
  /** What it wants to see at this position. Where that is nothing, the answers of `stops` are known before the first iteration. */
  needs(at: PositionView): Needs;
  /** Whether the iteration was the last one: asked after each but the last possible, in order. */
  stops(view: IterationView): boolean | Promise<boolean>;
}

/**
 * How many iterations a position gets from a deliberation that need not see anything there; undefined where it has to look. With
 * the number known beforehand, nothing is read back between iterations.
 */
export async function plannedIterations(
  deliberation: Deliberation,
  at: PositionView,
  maximum: number,
): Promise<number | undefined> {
  const { states = false, logits = false } = deliberation.needs(at);
  if (states || logits) return undefined;
  let iteration = 1;
  while (iteration < maximum && !(await deliberation.stops({ ...at, iteration }))) iteration++;
  return iteration;
}
