import { requireCount } from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { DeliberationPolicy, IterationView } from "./policy.js";
import { requireBetween, requireFinite, requireSeen } from "./requirements.js";

export interface UntilConvergedOptions {
  /** The relative change of the latent state at which it counts as converged. */
  readonly tolerance: number;
  readonly maximum: number;
}

/**
 * Stops once an iteration changes the latent state by no more than the tolerance: ‖s_i − s_{i−1}‖ / ‖s_i‖, the states of all layers
 * taken as one vector. That takes two iterations at least.
 *
 * @throws SstError `invalid-argument`; from `stops`, `not-finite` for states that are not finite
 */
export function untilConverged({ tolerance, maximum }: UntilConvergedOptions): DeliberationPolicy {
  requireBetween("tolerance", tolerance, 0);
  requireCount("maximum", maximum);
  const name = `untilConverged(tolerance ${tolerance}, maximum ${maximum})`;
  const stops = (view: IterationView) => {
    const states = requireSeen(view.states, name, "states");
    if (view.iteration === 1) return false;
    const change = relativeChange(states, requireSeen(view.previousStates, name, "states"));
    return requireFinite(change, "latent states", view) <= tolerance;
  };
  return { name, maximum, start: () => ({ needs: () => ({ states: true }), stops }) };
}

/**
 * ‖now − before‖ / ‖now‖ over all layers; 0 where both are zero.
 *
 * @param now `[numHiddenLayers]` of `[hiddenSize]`
 * @throws SstError `shape-mismatch`
 */
export function relativeChange(now: readonly Float32Array[], before: readonly Float32Array[]): number {
  let [difference, size] = [0, 0];
  for (const [layer, state] of now.entries()) {
    const old = before[layer];
    if (before.length !== now.length || old?.length !== state.length) {
      throw new SstError("shape-mismatch", `states of layer ${layer} have ${state.length} and ${old?.length} entries`);
    }
    for (let index = 0; index < state.length; index++) {
      const value = state[index] as number;
      difference += (value - (old[index] as number)) ** 2;
      size += value ** 2;
    }
  }
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}
