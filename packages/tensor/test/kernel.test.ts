/** What every kernel refuses, before any backend is involved. */
import { type KernelDefinition, kernels, type Tensor } from "@sst/tensor";
import { describe, expect, test } from "vitest";

/** As much of a tensor as the checks look at; they come before the engine is asked for anything. */
const shaped = (shape: number[], dtype = "float32") => ({ shape, dtype }) as unknown as Tensor;

/** Inputs that fit, where every symbol is 2. */
function fitting({ inputs }: KernelDefinition): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }]) => {
      const sizes = shape.flatMap((symbol) => (symbol === "..." ? [] : [typeof symbol === "number" ? symbol : 2]));
      return [name, shaped(sizes, dtype)];
    }),
  );
}

describe("kernels", () => {
  test("there are some, each under its own name", () => {
    const names = kernels().map(({ definition }) => definition.name);
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const kernel of kernels()) {
    const { definition } = kernel;
    const inputs = fitting(definition);
    const error = (code: string, inputName: string) =>
      expect.objectContaining({ code, message: expect.stringMatching(`^${definition.name}: input "${inputName}" `) });

    for (const [name, spec] of Object.entries(definition.inputs)) {
      test(`${definition.name} refuses another type for "${name}"`, () => {
        const other = spec.dtype === "int32" ? "float32" : "int32";
        const wrong = shaped((inputs[name] as Tensor).shape, other);
        expect(() => kernel({ ...inputs, [name]: wrong }, {})).toThrowError(error("shape-mismatch", name));
      });

      if (!spec.optional) {
        test(`${definition.name} asks for "${name}"`, () => {
          expect(() => kernel({ ...inputs, [name]: undefined }, {})).toThrowError(error("invalid-argument", name));
        });
      }
    }

    // Every size that a later input shares with an earlier one has to be the same there.
    test(`${definition.name} refuses inputs that do not fit each other`, () => {
      const [, ...later] = Object.keys(inputs);
      for (const name of later) {
        const wrong = shaped([...(inputs[name] as Tensor).shape, 2, 2], definition.inputs[name]?.dtype);
        expect(() => kernel({ ...inputs, [name]: wrong }, {})).toThrowError(error("shape-mismatch", name));
      }
    });
  }
});
