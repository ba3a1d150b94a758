import { requireCount } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { logProbabilities } from "../sampling/log-probabilities.js";
import { entropyNats, jensenShannonBits, kullbackLeiblerNats } from "./measures.js";
import type { DeliberationPolicy, IterationView } from "./policy.js";
import { requireBetween, requireFinite, requireSeen } from "./requirements.js";

/** Bounds on the next-token distribution, of which at least one is given; all that are given have to hold. */
export interface UntilDecidedOptions {
  /** The entropy is at most this. */
  readonly entropyNats?: number;
  /** The Kullback-Leibler divergence from the iteration before is at most this. */
  readonly changeNats?: number;
  /** The Jensen-Shannon divergence from the iteration before is at most this; 1 is the largest there is. */
  readonly changeBits?: number;
  readonly maximum: number;
}

const boundNames = ["entropyNats", "changeNats", "changeBits"] as const;

/**
 * Stops once the next-token distribution is decided: it leaves little open, or an iteration hardly changes it any more, or both. A
 * bound on the change takes two iterations at least.
 *
 * @throws SstError `invalid-argument`, `contradiction` without any bound; from `stops`, `not-finite` for logits that are not finite
 */
export function untilDecided(options: UntilDecidedOptions): DeliberationPolicy {
  const { maximum } = options;
  const given = boundNames.flatMap((bound) => {
    const value = options[bound];
    return value === undefined ? [] : [[bound, value] as const];
  });
  if (given.length === 0) {
    throw new SstError("contradiction", "untilDecided needs a bound: give entropyNats, changeNats or changeBits");
  }
  for (const [bound, value] of given) requireBetween(bound, value, 0);
  requireCount("maximum", maximum);
  const name = `untilDecided(${given.map(([bound, value]) => `${bound} ${value}`).join(", ")}, maximum ${maximum})`;
  return {
    name,
    maximum,
    start: () => ({ needs: () => ({ logits: true }), stops: (view) => isDecided(view, options, name) }),
  };
}

function isDecided(view: IterationView, bounds: UntilDecidedOptions, name: string): boolean {
  const { entropyNats: entropy, changeNats, changeBits } = bounds;
  const now = logProbabilities(requireSeen(view.logits, name, "logits"));
  const holds = (measure: number, bound: number) => requireFinite(measure, "logits", view) <= bound;
  // Broken logits are refused whatever the bounds.
  if (!holds(entropyNats(now), entropy ?? Number.POSITIVE_INFINITY)) return false;
  if (changeNats === undefined && changeBits === undefined) return true;
  if (view.iteration === 1) return false;
  const before = logProbabilities(requireSeen(view.previousLogits, name, "logits"));
  return (
    (changeNats === undefined || holds(kullbackLeiblerNats(now, before), changeNats)) &&
    (changeBits === undefined || holds(jensenShannonBits(now, before), changeBits))
  );
}
