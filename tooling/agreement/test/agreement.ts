/** One backend's run beside the one of `cpu`, as tests. */
import { describe, expect, test } from "vitest";
import { gradientsAt, LANDMARKS, type TrainingRun, trainingRun } from "./training-run.js";

const TOLERANCE = 1e-3;

/** Both runs, made once. The reference is made on the machine and in the process that the other one runs in. */
let reference: Promise<TrainingRun> | undefined;

export function agreesWithCpu(backend: string): void {
  describe(`${backend} and cpu`, () => {
    test("give the same losses over 200 training steps", async () => {
      reference ??= trainingRun("cpu");
      const expected = (await reference).losses;
      const given = (await trainingRun(backend)).losses;
      expect(given).toHaveLength(200);
      // They have learned something, so that there is something to agree on.
      expect(expected.at(-1)).toBeLessThan(0.75 * (expected[0] as number));
      const distances = given.map((loss, step) => Math.abs(loss / (expected[step] as number) - 1));
      console.log(
        `${backend}: losses from ${given[0]} to ${given.at(-1)}, at most ${Math.max(...distances)} from cpu's`,
      );
      expect(Math.max(...distances)).toBeLessThan(TOLERANCE);
    });

    for (const [index, landmark] of LANDMARKS.entries()) {
      test(`give the same gradients from the weights after ${landmark} steps`, async () => {
        reference ??= trainingRun("cpu");
        const data = (await reference).models[index];
        if (data === undefined) throw new Error(`the run kept no model of step ${landmark}`);
        const expected = await gradientsAt("cpu", data, landmark);
        const given = await gradientsAt(backend, data, landmark);
        const distances = Object.entries(expected).map(([name, values]) => distance(given[name], values));
        console.log(`${backend}: gradients after ${landmark} steps, at most ${Math.max(...distances)} from cpu's`);
        expect(distances.length).toBe(4 * 10 + 2);
        expect(Math.max(...distances)).toBeLessThan(TOLERANCE);
      });
    }
  });
}

/** Largest difference, relative to the largest entry. */
function distance(given: Float32Array | undefined, expected: Float32Array): number {
  let [difference, size] = [0, 0];
  expected.forEach((value, index) => {
    difference = Math.max(difference, Math.abs(value - (given?.[index] ?? Number.NaN)));
    size = Math.max(size, Math.abs(value));
  });
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference / size;
}
