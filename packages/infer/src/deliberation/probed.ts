import { requireCount } from "@sst/layers";
import { joined } from "../joined.js";
import type { DeliberationPolicy } from "./policy.js";
import { requireBetween, requireFinite, requireSeen } from "./requirements.js";

/** The halting probe; `Probe` of `@sst/layers` is one. */
export interface HaltingProbe {
  /** How likely the answer survives more iterations, by the latent states of all layers at one position, one after the other. */
  probability(states: ArrayLike<number>): number;
}

export interface ProbedOptions {
  /** The probability of surviving from which on it goes deep; defaults to 0.5. */
  readonly threshold?: number;
  /** Iterations at every position of a text that goes deep. */
  readonly maximum: number;
}

/**
 * Paper: a trained probe sets the depth of a whole text. It reads the latent states after one iteration at the first generated
 * position, once. Where the answer is to survive more iterations, that position and all after it get the maximum, otherwise one.
 * Positions of the prompt before it get one.
 *
 * @throws SstError `invalid-argument`; from `stops`, `not-finite` for states that are not finite, and what the probe throws: that of
 * `@sst/layers` `shape-mismatch` for another model's states
 */
export function probed(probe: HaltingProbe, { threshold = 0.5, maximum }: ProbedOptions): DeliberationPolicy {
  requireBetween("threshold", threshold, 0, 1);
  requireCount("maximum", maximum);
  const name = `probed(threshold ${threshold}, maximum ${maximum})`;
  return {
    name,
    maximum,
    start() {
      let isDeep = false;
      return {
        needs: ({ isFirstGenerated }) => ({ states: isFirstGenerated }),
        stops(view) {
          if (view.isFirstGenerated && view.iteration === 1) {
            const probability = probe.probability(joined(requireSeen(view.states, name, "states")));
            isDeep = requireFinite(probability, "latent states", view) >= threshold;
          }
          return !isDeep;
        },
      };
    },
  };
}
