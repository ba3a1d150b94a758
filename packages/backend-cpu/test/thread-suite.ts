/** Threads share the work and change nothing of what comes out: in Node, and in a page that is isolated. */
import { createCpuBackend, heapBytes, helpedPieces } from "@sst/backend-cpu";
import {
  affineScan,
  causalAttention,
  causalAttentionGradient,
  gatedActivation,
  integerMatMul,
  matMul,
  memory,
  packMatrix,
  quantizedMatMul,
  Random,
  ready,
  registerBackend,
  rmsNorm,
  softmaxCrossEntropy,
  stateRecurrence,
  stateRecurrenceGradient,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";

const [batch, time, heads, headDim, wide] = [6, 40, 4, 16, 100];
const hidden = heads * headDim;

/** Every kernel whose work is cut up, on sizes that do not divide evenly. */
function results(): Record<string, Tensor> {
  const random = new Random("threads");
  const normals = (shape: number[]) =>
    tensor(
      random.normals(
        shape.reduce((left, right) => left * right, 1),
        0.5,
      ),
      shape,
    ) as Tensor;
  const x = normals([batch, time, hidden]);
  const [q, k, v, dy] = [0, 1, 2, 3].map(() => normals([batch, time, heads, headDim])) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const recurrence = {
    a: x,
    alpha: tensor(new Float32Array(hidden).fill(0.1), [hidden]),
    keep: tensor(new Float32Array(batch * time).fill(1), [batch, time]),
    initial: normals([batch, hidden]),
    normWeight: normals([hidden]),
    gate: normals([wide, hidden]),
    up: normals([wide, hidden]),
    down: normals([hidden, wide]),
  };
  const packed = packMatrix(random.normals(333 * hidden, 0.5), [333, hidden], "int4");
  const weight = {
    words: tensor(packed.words, [333, packed.words.length / 333], "int32") as Tensor,
    scales: tensor(packed.scales, [packed.scales.length], "int32") as Tensor,
  };
  const { y } = stateRecurrence(recurrence, { epsilon: 1e-5, activation: "silu" });
  const normed = { ...recurrence, outNormWeight: normals([hidden]) };
  const gelu = { epsilon: 1e-5, activation: "geluTanh" } as const;
  const rows = normals([batch * time, hidden]);
  return {
    product: matMul(rows, normals([777, hidden]), false, true),
    "product of transposed": matMul(rows, normals([batch * time, 333]), true, false),
    "product of one row": matMul(normals([1, hidden]), normals([777, hidden]), false, true),
    "packed product": quantizedMatMul({ x: normals([3, hidden]), ...weight }, { format: "int4" }).y,
    "packed product of rounded rows": integerMatMul({ x: normals([3, hidden]), ...weight }, { format: "int4" }).y,
    "packed product of many rounded rows": integerMatMul({ x: rows, ...weight }, { format: "int4" }).y,
    norm: rmsNorm({ x, weight: normals([hidden]) }, { epsilon: 1e-5 }).y,
    activation: gatedActivation({ gate: normals([64, 1000]), up: normals([64, 1000]) }, { activation: "silu" }).y,
    attention: causalAttention({ q, k, v }, { scale: 0.25, pastLength: 0, iterations: 1, window: 0 }).y,
    "attention's gradient": causalAttentionGradient({ dy, q, k, v }, { scale: 0.25, iterations: 1, window: 0 }).dk,
    "attention within a window": causalAttention({ q, k, v }, { scale: 0.25, pastLength: 0, iterations: 1, window: 9 })
      .y,
    "its gradient": causalAttentionGradient({ dy, q, k, v }, { scale: 0.25, iterations: 1, window: 9 }).dk,
    scan: affineScan({ coefficient: x, offset: normals([batch, time, hidden]) }, {}).s,
    recurrence: y,
    "recurrence's gradient": stateRecurrenceGradient({ dy: x, ...recurrence, y }, { epsilon: 1e-5, activation: "silu" })
      .dGate,
    "recurrence with a norm behind the network": stateRecurrence(normed, gelu).y,
    "its gradient, too": stateRecurrenceGradient({ dy: x, ...normed, y }, gelu).dGate,
    loss: softmaxCrossEntropy(
      {
        logits: normals([9, 10, 500]),
        labels: tensor(
          Array.from({ length: 90 }, (_, i) => i),
          [9, 10],
          "int32",
        ),
      },
      {},
    ).loss,
    sum: sum(normals([300, 200]), -1),
  };
}

async function resultsWith(threads: number): Promise<Record<string, Float32Array>> {
  registerBackend(createCpuBackend({ threads }), { replace: true });
  const { live } = await ready({ backend: "cpu" });
  expect(live.capabilities.limits.threads).toBe(threads);
  const tensors = tidy(() => results() as never) as Record<string, Tensor>;
  const values = Object.entries(tensors).map(([name, each]) => [name, each.dataSync() as Float32Array] as const);
  for (const each of Object.values(tensors)) each.dispose();
  return Object.fromEntries(values);
}

export function threadSuite(): void {
  let one: Record<string, Float32Array> = {};

  beforeAll(async () => {
    one = await resultsWith(1);
  });

  describe.each([2, 3, 5])("%i threads", (threads) => {
    test("give the bits of one", async () => {
      const shared = await resultsWith(threads);
      for (const [name, values] of Object.entries(one)) expect(shared[name], name).toEqual(values);
    });

    test("do some of the work, once they have started", async () => {
      await resultsWith(threads);
      const before = helpedPieces();
      const large = tensor(new Random("large").normals(512 * 512, 1), [512, 512]);
      // They start while this thread waits; how soon is the machine's business, that they do is asked here.
      while (helpedPieces() === before) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        for (let job = 0; job < 10; job++) matMul(large, large).dispose();
      }
      large.dispose();
    });

    test("a thousand jobs in a row, and the heap stays as it is", async () => {
      await resultsWith(threads);
      const random = new Random("jobs");
      const left = tensor(random.normals(64 * 64, 1), [64, 64]);
      const right = tensor(random.normals(64 * 64, 1), [64, 64]);
      const expected = matMul(left, right);
      const wanted = expected.dataSync();
      const before = { ...memory(), heap: heapBytes() };
      for (let job = 0; job < 1000; job++) {
        const product = matMul(left, right);
        if (job % 100 === 0) expect(product.dataSync()).toEqual(wanted);
        product.dispose();
      }
      expect({ ...memory(), heap: heapBytes() }).toEqual(before);
      for (const each of [left, right, expected]) each.dispose();
    });
  });

  test("a number of threads that is none is refused", () => {
    for (const threads of [0, -1, 1.5, Number.NaN, 1000]) {
      expect(() => createCpuBackend({ threads })).toThrow(/threads should be a whole number from 1 to 256/);
    }
  });
}
