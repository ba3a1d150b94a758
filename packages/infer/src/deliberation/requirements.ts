/** What policies ask of their settings and of what they see. */
import { SstError } from "@sst/tensor";

/** @throws SstError `invalid-argument` */
export function requireBetween(name: string, value: number, least: number, most = Number.POSITIVE_INFINITY): void {
  if (value >= least && value <= most) return;
  const range = most === Number.POSITIVE_INFINITY ? `${least} or more` : `between ${least} and ${most}`;
  throw new SstError("invalid-argument", `${name} should be ${range}, but is ${value}`);
}

/** @throws SstError `contradiction` where the runner does not give what the policy said that it needs */
export function requireSeen<Value>(value: Value | undefined, policy: string, what: string): Value {
  if (value !== undefined) return value;
  throw new SstError(
    "contradiction",
    `the policy "${policy}" needs ${what} after each iteration, but was not given them`,
  );
}

/** @throws SstError `not-finite` naming position and iteration */
export function requireFinite(measure: number, what: string, at: { position: number; iteration: number }): number {
  if (!Number.isNaN(measure)) return measure;
  throw new SstError(
    "not-finite",
    `${what} at position ${at.position}, iteration ${at.iteration} are not finite: the model's weights or states are broken`,
  );
}
