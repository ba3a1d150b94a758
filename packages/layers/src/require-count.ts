/** A number of something: iterations, rows, tokens. */
import { SstError } from "@sst/tensor";

/** @throws SstError `invalid-argument` for what is no whole number of at least 1 */
export function requireCount(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new SstError("invalid-argument", `${name} should be a whole number of at least 1, but is ${value}`);
}
