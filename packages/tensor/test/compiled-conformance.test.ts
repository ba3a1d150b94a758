/** The suite's plans on a backend that compiles: what they ask of a program can be met, and is checked. */
import { registerBackend } from "@sst/tensor";
import { runConformance } from "@sst/tensor/conformance";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { afterAll, describe, expect, test } from "vitest";
import { jsPlugin } from "./js-plugin.js";
import { ReplayingProgram } from "./replaying-program.js";

const programs: ReplayingProgram[] = [];

registerBackend(
  jsPlugin("replaying", 1, {
    compile: ({ engine }, plan) => {
      const program = new ReplayingProgram(engine as MathBackendCPU, plan);
      programs.push(program);
      return program;
    },
  }),
);

runConformance({
  backend: "replaying",
  describe,
  test: (name, body) => {
    if (/\bplan\b/.test(name)) test(name, body);
  },
});

afterAll(() => {
  // Once each, once more where the suite took hold of what is carried, and where it made the plan take over others.
  expect(programs.map(({ bindings }) => bindings)).toEqual([1, 3]);
});
