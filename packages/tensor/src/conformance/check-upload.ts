/** Uploads in pieces: the values arrive, whatever becomes of the array that brought them. */
import { add } from "@tensorflow/tfjs-core";
import type { Random } from "../random.js";
import { TensorUpload } from "../tensor-upload.js";
import { requireThat } from "./compare.js";

export async function checkUpload(random: Random): Promise<void> {
  const values = random.normals(3 * 7, 1);
  using given = new TensorUpload([3, 7]);
  const piece = new Float32Array(8);
  for (let start = 0; start < values.length; start += piece.length) {
    const next = values.subarray(start, start + piece.length);
    piece.set(next);
    given.write(piece.subarray(0, next.length));
    piece.fill(Number.NaN);
  }
  const tensor = given.finish();
  const doubled = add(tensor, tensor);
  const [found, used] = await Promise.all([tensor.data(), doubled.data()]);
  for (const each of [tensor, doubled]) each.dispose();
  for (const [index, value] of values.entries()) {
    const isRight = found[index] === value && used[index] === Math.fround(value + value);
    requireThat(isRight, () => `entry ${index} of an upload in pieces is ${found[index]}, not ${value}`);
  }
  using unfinished = new TensorUpload([5]);
  unfinished.write(Float32Array.of(1));
}
