/** Threads in Chromium, in a page that is isolated from other origins. */
import { expect, test } from "vitest";
import { threadSuite } from "../thread-suite.js";

test("the page is isolated", () => {
  expect(globalThis.crossOriginIsolated).toBe(true);
});

threadSuite();
