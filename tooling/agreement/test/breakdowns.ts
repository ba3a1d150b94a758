/** Greedy generation chooses its tokens on the device, where compilers may take it that there is no NaN: one backend's, as tests. */
import { ready } from "@sst/tensor";
import { beforeAll, describe } from "vitest";
import { noticesBreakdowns } from "../../../packages/infer/test/breaking-down.js";

export function noticesBreakdownsOn(backend: string): void {
  describe(`a model that breaks down on ${backend}`, () => {
    beforeAll(async () => {
      await ready({ backend });
    });

    noticesBreakdowns();
  });
}
