/** Uploads in pieces, to a device that can be written to and to one that cannot. */
import { type BackendRuntime, memory, ready, registerBackend, TensorUpload } from "@sst/tensor";
import { runConformance } from "@sst/tensor/conformance";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { engine } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { createRuntime, jsPlugin } from "./js-plugin.js";

const written: [offset: number, length: number][] = [];

registerBackend(jsPlugin("whole"));
registerBackend(
  jsPlugin("pieces", 1, {
    initialize: async (): Promise<BackendRuntime> => ({
      ...createRuntime(),
      writeRange: ({ dataId, shape }, offset, values) => {
        const data = (engine().backend as MathBackendCPU).data.get(dataId);
        data.values ??= new Float32Array(shape.reduce((product, size) => product * size, 1));
        (data.values as Float32Array).set(values, offset);
        written.push([offset, values.length]);
      },
    }),
  }),
);

for (const backend of ["whole", "pieces"]) {
  const only = (name: string, body: () => Promise<void>) => name.includes("pieces") && test(name, body);
  runConformance({ backend, describe, test: only });

  test(`${backend}: too many values, too few, and none any more`, async () => {
    await ready({ backend });
    const before = memory();
    const upload = new TensorUpload([2, 2]);
    upload.write(Float32Array.of(1, 2, 3));
    const mismatch = expect.objectContaining({ code: "shape-mismatch" });
    expect(() => upload.write(Float32Array.of(4, 5))).toThrowError(mismatch);
    expect(() => upload.finish()).toThrowError("a tensor of shape [2,2] has 4 values, but was given 3");
    upload.write(Float32Array.of(4));
    const tensor = upload.finish();
    expect(Array.from(tensor.dataSync())).toEqual([1, 2, 3, 4]);
    for (const late of [() => upload.finish(), () => upload.write(new Float32Array(0))]) {
      expect(late).toThrowError(expect.objectContaining({ code: "disposed" }));
    }
    upload.dispose();
    tensor.dispose();
    expect(memory()).toEqual(before);
  });
}

test("another device that became active in between is not written to", async () => {
  await ready({ backend: "whole" });
  using upload = new TensorUpload([1]);
  await ready({ backend: "pieces" });
  expect(() => upload.write(Float32Array.of(1))).toThrowError(expect.objectContaining({ code: "wrong-backend" }));
});

test("a device that can be written to gets the pieces as they come", async () => {
  await ready({ backend: "pieces" });
  written.length = 0;
  using upload = new TensorUpload([5]);
  upload.write(new Float32Array(2));
  upload.write(new Float32Array(3));
  expect(written).toEqual([
    [0, 2],
    [2, 3],
  ]);
});
