/** Symbolic shapes: what fits is bound and resolved, what does not is refused with everything that is known. */
import { describe, expect, test } from "vitest";
import { ShapeBindings } from "../src/shapes.js";

const shapeMismatch = expect.objectContaining({ code: "shape-mismatch" });

describe("bind and resolve", () => {
  test("a symbol keeps its size", () => {
    const bindings = new ShapeBindings("kernel");
    bindings.bind("x", ["batch", "time", "hiddenSize"], [2, 3, 4]);
    bindings.bind("weight", ["hiddenSize"], [4]);
    expect(bindings.resolve(["time", "hiddenSize", 7, "batch"])).toEqual([3, 4, 7, 2]);
  });

  test("leading dimensions: none, one, several", () => {
    for (const leading of [[], [5], [2, 3]]) {
      const bindings = new ShapeBindings("kernel");
      bindings.bind("x", ["...", "size"], [...leading, 4]);
      bindings.bind("y", ["...", "other"], [...leading, 6]);
      expect(bindings.resolve(["...", "other"])).toEqual([...leading, 6]);
    }
  });

  test("leading dimensions alone", () => {
    const bindings = new ShapeBindings("kernel");
    bindings.bind("parameter", ["..."], []);
    bindings.bind("gradient", ["..."], []);
    expect(bindings.resolve(["..."])).toEqual([]);
    expect(() => bindings.bind("m", ["..."], [1])).toThrowError(shapeMismatch);
  });

  test("a size of zero is a size", () => {
    const bindings = new ShapeBindings("kernel");
    bindings.bind("x", ["time", "size"], [0, 3]);
    expect(bindings.resolve(["time"])).toEqual([0]);
    expect(() => bindings.bind("y", ["time"], [1])).toThrowError(shapeMismatch);
  });

  test("a number stands for itself", () => {
    const bindings = new ShapeBindings("kernel");
    bindings.bind("x", ["time", 64], [3, 64]);
    expect(() => bindings.bind("y", [64], [63])).toThrowError(shapeMismatch);
  });

  test("a symbol that no input has cannot be resolved", () => {
    expect(() => new ShapeBindings("kernel").resolve(["width"])).toThrowError(/kernel: no input has a "width"/);
  });
});

describe("a mismatch", () => {
  const bound = () => {
    const bindings = new ShapeBindings("stateBlend");
    bindings.bind("a", ["batch", "time", "hiddenSize"], [2, 3, 16]);
    return bindings;
  };

  test("names kernel, input, what was expected and what was given", () => {
    const wrong = () => bound().bind("alpha", ["hiddenSize"], [8]);
    expect(wrong).toThrowError('stateBlend: input "alpha" should be [hiddenSize = 16], but is [8]');
    expect(wrong).toThrowError(shapeMismatch);
  });

  test("too few and too many dimensions", () => {
    expect(() => bound().bind("keep", ["batch", "time"], [2])).toThrowError(
      "should be [batch = 2, time = 3], but is [2]",
    );
    expect(() => bound().bind("keep", ["batch", "time"], [2, 3, 1])).toThrowError(shapeMismatch);
    expect(() => bound().bind("x", ["...", "time", "hiddenSize"], [16])).toThrowError(shapeMismatch);
  });

  test("other leading dimensions than those of an input before", () => {
    const bindings = new ShapeBindings("gatedActivation");
    bindings.bind("gate", ["...", "width"], [2, 3, 8]);
    const wrong = () => bindings.bind("up", ["...", "width"], [3, 2, 8]);
    expect(wrong).toThrowError('input "up" should be [2, 3, width = 8], but is [3, 2, 8]');
    expect(() => bindings.bind("up", ["...", "width"], [6, 8])).toThrowError(shapeMismatch);
  });

  test("a symbol that stands twice in one shape has one size", () => {
    expect(() => new ShapeBindings("kernel").bind("square", ["size", "size"], [3, 4])).toThrowError(shapeMismatch);
  });
});
