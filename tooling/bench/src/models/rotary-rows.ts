/**
 * The order of the rows of q and k within a head. Ours is Hugging Face's: a rotary pair is (i, half + i). llama2.c and
 * llama.cpp have the pairs side by side, (2i, 2i + 1).
 */
import type { HostTensor, ModelConfig } from "@sst/layers";

const turned = [".q_proj.weight", ".k_proj.weight"];

/** A matrix with its rows as llama2.c and llama.cpp want them; what is not turned is returned as it is. */
export function withAdjacentPairs(name: string, tensor: HostTensor, { headDim }: ModelConfig): HostTensor {
  if (!turned.some((end) => name.endsWith(end))) return tensor;
  const [rows, columns] = tensor.shape as [number, number];
  const half = headDim / 2;
  const data = new Float32Array(tensor.data.length);
  for (let row = 0; row < rows; row++) {
    const within = row % headDim;
    const target = row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    data.set(tensor.data.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return { shape: tensor.shape, data };
}
