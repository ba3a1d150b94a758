import { rotaryEmbedding } from "../../kernels/rotary-embedding.js";
import { at, drawnAhead, type HostArray, normals, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const rotaryEmbeddingOracle: Oracle = (inputs, attributes) => {
  const { x, cos, sin, ahead } = inputs as Record<"x" | "cos" | "sin", HostArray> & { ahead?: HostArray };
  const { offset, iterations, direction } = attributes as { offset: number; iterations: number; direction: string };
  const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
  const half = headDim / 2;
  const sign = direction === "forth" ? 1 : -1;
  const y = zeros(x.shape);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < time; t++) {
      const wished = offset + Math.floor(t / iterations) + (ahead === undefined ? 0 : at(ahead, b));
      const position = Math.min(Math.max(wished, 0), (cos.shape[0] as number) - 1);
      for (let head = 0; head < heads; head++) {
        const row = ((b * time + t) * heads + head) * headDim;
        for (let i = 0; i < half; i++) {
          const [c, s] = [at(cos, position * half + i), sign * at(sin, position * half + i)];
          y.data[row + i] = at(x, row + i) * c - at(x, row + half + i) * s;
          y.data[row + half + i] = at(x, row + half + i) * c + at(x, row + i) * s;
        }
      }
    }
  }
  return { y };
};

export const rotaryEmbeddingSuite = kernelSuite({
  kernel: rotaryEmbedding,
  oracle: rotaryEmbeddingOracle,
  differentiable: ["x"],
  ranges: {
    batch: [1, 3],
    positions: [1, 9],
    iterations: [1, 3],
    offset: [0, 4],
    heads: [1, 4],
    half: [1, 20],
    isUneven: [0, 1],
  },
  picked: [
    { batch: 1, positions: 1, iterations: 1, offset: 0, heads: 1, half: 1, isUneven: 0 },
    { batch: 2, positions: 5, iterations: 2, offset: 3, heads: 3, half: 7, isUneven: 0 },
    { batch: 2, positions: 0, iterations: 1, offset: 3, heads: 3, half: 7, isUneven: 0 },
    { batch: 1, positions: 2, iterations: 1, offset: 0, heads: 3, half: 130, isUneven: 0 },
    { batch: 2, positions: 700, iterations: 1, offset: 5, heads: 1, half: 2, isUneven: 0 },
    { batch: 4, positions: 1, iterations: 1, offset: 3, heads: 3, half: 8, isUneven: 1 },
    { batch: 5, positions: 4, iterations: 2, offset: 0, heads: 2, half: 5, isUneven: 1 },
    { batch: 2, positions: 0, iterations: 1, offset: 3, heads: 2, half: 5, isUneven: 1 },
    { batch: 70_000, positions: 1, iterations: 1, offset: 1, heads: 1, half: 1, isUneven: 0 },
  ],
  build: ({ batch, positions, iterations, offset, heads, half, isUneven }, random) => {
    const table = () => normals(random, [offset + positions + 2, half]);
    return {
      inputs: {
        x: normals(random, [batch, positions * iterations, heads, 2 * half]),
        cos: table(),
        sin: table(),
        // Some of them fall beyond the tables.
        ...(isUneven && { ahead: drawnAhead(random, batch, 5) }),
      },
      attributes: { offset, iterations, direction: (positions + half) % 2 === 0 ? "forth" : "back" },
    };
  },
});
