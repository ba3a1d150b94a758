/**
 * The probe as a stopping policy (paper: it turns depth into a budget for each question): deep where the answer is to survive more
 * iterations, one iteration everywhere else.
 */
import type { Probe } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { fixedDepth, type StoppingPolicy } from "../stopping-policy.js";
import { readFirstPosition } from "./first-position.js";

export interface ProbedDepthOptions {
  /** Iterations at every generated position of an answer that is to survive them; at least 2. */
  readonly deep: number;
  /** The probability of surviving from which on it goes deep; defaults to 0.5. */
  readonly threshold?: number;
}

/**
 * Reads the prompt once more than a fixed depth does, to ask the probe; an evaluation's operation counts leave that out.
 *
 * @throws SstError `invalid-argument` for a depth or a threshold out of range; from `complete`, `shape-mismatch` for a model whose
 * states the probe does not read
 */
export function probedDepth(probe: Probe, { deep, threshold = 0.5 }: ProbedDepthOptions): StoppingPolicy {
  if (!(Number.isInteger(deep) && deep >= 2)) {
    throw new SstError("invalid-argument", `a probe chooses a depth of at least 2, not ${deep}`);
  }
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new SstError("invalid-argument", `the probe's threshold should be between 0 and 1, but is ${threshold}`);
  }
  return {
    name: `probe: depth ${deep} from ${threshold} on`,
    async *complete(model, prompt, request) {
      probe.requireFor(model.config);
      const weights = model.weights();
      try {
        const { states } = await readFirstPosition(weights, prompt);
        const chosen = fixedDepth(probe.probability(states) >= threshold ? deep : 1);
        yield* chosen.complete(model, prompt, request);
      } finally {
        weights.dispose();
      }
    },
  };
}
