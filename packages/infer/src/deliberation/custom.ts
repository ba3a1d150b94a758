import { requireCount } from "@sst/layers";
import type { DeliberationPolicy, IterationView, Needs } from "./policy.js";

export interface CustomOptions {
  readonly maximum: number;
  /** What the function looks at; defaults to states and logits. */
  readonly needs?: Needs;
  /** Names it in reports. */
  readonly name?: string;
}

/**
 * A function of one's own: whether the iteration that it sees was the last one. What remembers something from position to position
 * is a `DeliberationPolicy` written out, whose `start` begins each text afresh.
 *
 * @throws SstError `invalid-argument`
 */
export function custom(
  stops: (view: IterationView) => boolean | Promise<boolean>,
  { maximum, needs = { states: true, logits: true }, name = "custom" }: CustomOptions,
): DeliberationPolicy {
  requireCount("maximum", maximum);
  return { name: `${name}(maximum ${maximum})`, maximum, start: () => ({ needs: () => needs, stops }) };
}
