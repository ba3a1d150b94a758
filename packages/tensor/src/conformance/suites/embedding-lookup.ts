import { embeddingGradient, embeddingLookup } from "../../kernels/embedding-lookup.js";
import { at, type HostArray, integers, normals, zeros } from "../host-array.js";
import { kernelSuite, type Oracle } from "../kernel-suite.js";

export const embeddingLookupOracle: Oracle = (inputs) => {
  const { table, tokens } = inputs as { table: HostArray; tokens: HostArray };
  const size = table.shape[1] as number;
  const y = zeros([...tokens.shape, size]);
  for (let row = 0; row < tokens.data.length; row++) {
    for (let i = 0; i < size; i++) y.data[row * size + i] = at(table, at(tokens, row) * size + i);
  }
  return { y };
};

export const embeddingLookupSuite = kernelSuite({
  kernel: embeddingLookup,
  gradientKernel: embeddingGradient,
  oracle: embeddingLookupOracle,
  differentiable: ["table"],
  ranges: { vocabulary: [1, 40], hiddenSize: [1, 40], batch: [1, 4], time: [1, 12] },
  picked: [
    { vocabulary: 1, hiddenSize: 1, batch: 1, time: 1 },
    { vocabulary: 5, hiddenSize: 7, batch: 3, time: 6 },
    { vocabulary: 5, hiddenSize: 7, batch: 3, time: 0 },
    { vocabulary: 5003, hiddenSize: 3, batch: 2, time: 200 },
    { vocabulary: 3, hiddenSize: 1030, batch: 1, time: 4 },
    { vocabulary: 3, hiddenSize: 2, batch: 70_000, time: 1 },
  ],
  build: ({ vocabulary, hiddenSize, batch, time }, random) => ({
    inputs: { table: normals(random, [vocabulary, hiddenSize]), tokens: integers(random, [batch, time], vocabulary) },
    attributes: {},
  }),
});
