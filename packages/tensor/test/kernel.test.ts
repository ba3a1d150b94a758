/** What every kernel refuses, before any backend is involved. */
import {
  causalAttention,
  type KernelDefinition,
  kernels,
  quantizedMatMul,
  rotaryEmbedding,
  type Tensor,
} from "@sst/tensor";
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

/** The least that every attribute may be. */
function fittingAttributes({ attributes }: KernelDefinition): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, spec]) => [name, spec.kind === "choice" ? spec.of[0] : (spec.minimum ?? 1)]),
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
    const attributes = fittingAttributes(definition);
    const error = (code: string, inputName: string) =>
      expect.objectContaining({ code, message: expect.stringMatching(`^${definition.name}: input "${inputName}" `) });

    for (const [name, spec] of Object.entries(definition.inputs)) {
      test(`${definition.name} refuses another type for "${name}"`, () => {
        const other = spec.dtype === "int32" ? "float32" : "int32";
        const wrong = shaped((inputs[name] as Tensor).shape, other);
        expect(() => kernel({ ...inputs, [name]: wrong }, attributes)).toThrowError(error("shape-mismatch", name));
      });

      if (!spec.optional) {
        test(`${definition.name} asks for "${name}"`, () => {
          expect(() => kernel({ ...inputs, [name]: undefined }, attributes)).toThrowError(
            error("invalid-argument", name),
          );
        });
      }
    }

    for (const [name, spec] of Object.entries(definition.attributes)) {
      test(`${definition.name} refuses another value for "${name}"`, () => {
        const wrong = spec.kind === "choice" ? ["sideways"] : [undefined, "1", Number.NaN];
        if (spec.kind === "whole") wrong.push(0.5 as never);
        if (spec.kind !== "choice" && spec.minimum !== undefined) wrong.push((spec.minimum - 1) as never);
        for (const value of wrong) {
          expect(() => kernel(inputs, { ...attributes, [name]: value })).toThrowError(
            expect.objectContaining({
              code: "invalid-argument",
              message: expect.stringMatching(`^${definition.name}: attribute "${name}" should be .*, but is ${value}$`),
            }),
          );
        }
      });
    }

    // Every size that a later input shares with an earlier one has to be the same there.
    test(`${definition.name} refuses inputs that do not fit each other`, () => {
      const [, ...later] = Object.keys(inputs);
      for (const name of later) {
        const wrong = shaped([...(inputs[name] as Tensor).shape, 2, 2], definition.inputs[name]?.dtype);
        expect(() => kernel({ ...inputs, [name]: wrong }, attributes)).toThrowError(error("shape-mismatch", name));
      }
    });
  }
});

describe("what has to hold beside the shapes", () => {
  const complaint = (text: string) => expect.objectContaining({ code: "shape-mismatch", message: text });

  test("a cache holds every position before the chunk, or all that a window sees of them", () => {
    const [q, past] = [shaped([1, 1, 1, 2]), shaped([1, 4, 1, 2])];
    const attend = (pastLength: number, window: number) =>
      causalAttention({ q, k: q, v: q, pastK: past, pastV: past }, { scale: 1, pastLength, iterations: 1, window });
    const held = "causalAttention: pastLength is 5, but the cache holds 4";
    expect(() => attend(5, 0)).toThrowError(complaint(held));
    expect(() => attend(5, 6)).toThrowError(complaint(`${held}, and a window of 6 reaches further back`));
    const alone = () => causalAttention({ q, k: q, v: q }, { scale: 1, pastLength: 5, iterations: 1, window: 1 });
    expect(alone).toThrowError(
      complaint("causalAttention: pastLength is 5, but the cache holds 0, and a window of 1 reaches further back"),
    );
  });

  test("query heads share key heads evenly", () => {
    const [q, k] = [shaped([1, 2, 3, 4]), shaped([1, 2, 2, 4])];
    const attend = () => causalAttention({ q, k, v: k }, { scale: 1, pastLength: 0, iterations: 1, window: 0 });
    expect(attend).toThrowError(complaint("causalAttention: 3 heads do not share 2 key/value heads evenly"));
  });

  test("a position has a row in the tables", () => {
    const table = shaped([4, 2]);
    const attributes = { offset: 3, iterations: 1, direction: "forth" } as const;
    const turn = () => rotaryEmbedding({ x: shaped([1, 2, 1, 4]), cos: table, sin: table }, attributes);
    expect(turn).toThrowError(complaint("rotaryEmbedding: position 4 is beyond tables of 4 positions"));
  });

  test("words and scales fit the format", () => {
    const multiply = (words: number, scales: number) => () =>
      quantizedMatMul(
        { x: shaped([2, 33]), words: shaped([5, words], "int32"), scales: shaped([scales], "int32") },
        { format: "int8" },
      );
    expect(multiply(9, 5)).toThrowError(
      complaint('quantizedMatMul: rows of 33 in int8 have 16 words, but "words" has 9'),
    );
    expect(multiply(16, 4)).toThrowError(
      complaint('quantizedMatMul: 5 rows of 33 in int8 have 5 words of scales, but "scales" has 4'),
    );
  });
});
