/** Gradients that need an input which may be left out: every call keeps what it was given. */
import {
  add,
  memory,
  Random,
  ready,
  registerBackend,
  stateRecurrence,
  sum,
  type Tensor,
  tensor,
  tidy,
  valueAndGradients,
} from "@sst/tensor";
import { expect, test } from "vitest";
import { jsPlugin } from "./js-plugin.js";

registerBackend(jsPlugin("plain", 1));
await ready({ backend: "plain" });

const random = new Random("optional inputs");
const normals = (...shape: number[]) => {
  const size = shape.reduce((left, right) => left * right, 1);
  return tensor(Float32Array.from(random.normals(size, 1)), shape);
};
const values = (given: Tensor | undefined) => Array.from((given as Tensor).dataSync());

test("calls with and without it on one tape", () => {
  const outNormWeight = normals(4);
  const inputs = {
    a: normals(1, 3, 4),
    alpha: normals(4),
    keep: tensor([0, 1, 1], [1, 3]),
    initial: normals(1, 4),
    normWeight: normals(4),
    gate: normals(5, 4),
    up: normals(5, 4),
    down: normals(4, 5),
  };
  const attributes = { epsilon: 1e-5, activation: "geluTanh" } as const;
  const plain = () => sum(stateRecurrence(inputs, attributes).y);
  const normed = () => sum(stateRecurrence({ ...inputs, outNormWeight }, attributes).y);
  const before = memory();
  const gradientsOf = (loss: () => Tensor, of: Readonly<Record<string, Tensor>>) =>
    tidy(() => Object.values(valueAndGradients(loss, of).gradients).map(values));
  const { down } = inputs;
  const together = gradientsOf(() => add(add(plain(), normed()), plain()), { down, outNormWeight });
  const [ofPlain] = gradientsOf(plain, { down }) as [number[]];
  const [ofNormed, ofWeight] = gradientsOf(normed, { down, outNormWeight }) as [number[], number[]];
  expect(together[0]).toEqual(ofPlain.map((value, i) => expect.closeTo(2 * value + (ofNormed[i] as number), 4)));
  expect(together[1]).toEqual(ofWeight);
  expect(memory()).toEqual(before);
});
