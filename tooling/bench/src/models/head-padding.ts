/** Attention heads filled up with zeros. The halves of rotary pairs keep their distance: zeros come behind each half. */
import type { HostTensor, ModelData } from "@sst/layers";

const headRows = ["q_proj", "k_proj", "v_proj"];

/** The same model with larger heads. Attention has to go on dividing by the root of the old size. */
export function padHeads(model: ModelData, headDim: number): ModelData {
  const { config } = model;
  if (headDim === config.headDim) return model;
  const weights = Object.entries(model.weights).map(([name, tensor]) => {
    const part = name.split(".").at(-2) ?? "";
    if (headRows.includes(part)) return [name, padRows(tensor, config.headDim, headDim)];
    return [name, part === "o_proj" ? padColumns(tensor, config.headDim, headDim) : tensor];
  });
  return { config: { ...config, headDim }, weights: Object.fromEntries(weights) };
}

function padRows({ shape, data }: HostTensor, from: number, to: number): HostTensor {
  const [rows, columns] = shape as [number, number];
  const result = new Float32Array((rows / from) * to * columns);
  for (let row = 0; row < rows; row++) {
    result.set(data.subarray(row * columns, (row + 1) * columns), placeOf(row, from, to) * columns);
  }
  return { shape: [(rows / from) * to, columns], data: result };
}

function padColumns({ shape, data }: HostTensor, from: number, to: number): HostTensor {
  const [rows, columns] = shape as [number, number];
  const wide = (columns / from) * to;
  const result = new Float32Array(rows * wide);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[row * wide + placeOf(column, from, to)] = data[row * columns + column] as number;
    }
  }
  return { shape: [rows, wide], data: result };
}

function placeOf(index: number, from: number, to: number): number {
  const within = index % from;
  const half = from / 2;
  return Math.floor(index / from) * to + (within < half ? within : to / 2 + within - half);
}
