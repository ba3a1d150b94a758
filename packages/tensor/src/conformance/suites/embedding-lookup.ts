import { embeddingGradient, embeddingLookup } from "../../kernels/embedding-lookup.js";
import { at, type HostArray, integers, normals, zeros } from "../host-array.js";
import type { KernelSuite, Oracle } from "../kernel-suite.js";

export const embeddingLookupOracle: Oracle<object> = (inputs) => {
  const { table, tokens } = inputs as { table: HostArray; tokens: HostArray };
  const size = table.shape[1] as number;
  const y = zeros([...tokens.shape, size]);
  for (let row = 0; row < tokens.data.length; row++) {
    for (let i = 0; i < size; i++) y.data[row * size + i] = at(table, at(tokens, row) * size + i);
  }
  return { y };
};

export const embeddingLookupSuite: KernelSuite = {
  kernel: embeddingLookup,
  gradientKernel: embeddingGradient,
  oracle: embeddingLookupOracle,
  differentiable: ["table"],
  cases: (random) =>
    [
      { vocabulary: 1, size: 1, batch: 1, time: 1 },
      { vocabulary: 5, size: 7, batch: 3, time: 6 },
      { vocabulary: 40, size: 16, batch: 2, time: 9 },
    ].map(({ vocabulary, size, batch, time }) => ({
      title: `table [${vocabulary},${size}], tokens [${batch},${time}]`,
      inputs: { table: normals(random, [vocabulary, size]), tokens: integers(random, [batch, time], vocabulary) },
      attributes: {},
    })),
};
