import { describe, type TestFunction, type TestOptions, test } from "vitest";

/** A test that runs where `condition` holds and is skipped elsewhere; the reporter shows `reason`. */
export function testWhere(
  condition: unknown,
  reason: string,
  name: string,
  body: TestFunction,
  options: TestOptions = {},
): void {
  if (condition) test(name, options, body);
  else test(name, (context) => context.skip(reason));
}

/**
 * A group of tests that runs where `condition` holds. Elsewhere `body` is not called, so it may rely on the condition,
 * and one skipped test with `reason` stands for all of it.
 */
export function describeWhere(condition: unknown, reason: string, name: string, body: () => void): void {
  if (condition) describe(name, body);
  else describe(name, () => test("all of it", (context) => context.skip(reason)));
}
