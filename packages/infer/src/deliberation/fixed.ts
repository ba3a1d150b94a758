import { requireCount } from "@sst/layers";
import type { DeliberationPolicy } from "./policy.js";

/**
 * The same number of iterations at every position.
 *
 * @throws SstError `invalid-argument`
 */
export function fixed(iterations: number): DeliberationPolicy {
  requireCount("iterations", iterations);
  const deliberation = { needs: () => ({}), stops: () => false };
  return { name: `fixed(${iterations})`, maximum: iterations, start: () => deliberation };
}
