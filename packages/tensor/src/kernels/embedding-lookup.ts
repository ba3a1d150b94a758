/** Rows of a table by token, and the gradient that puts them back. */
import { gather, matMul, reshape, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { oneHotRows } from "./one-hot-rows.js";

const table = { shape: ["vocabulary", "hiddenSize"] } as const;
const tokens = { shape: ["batch", "time"], dtype: "int32" } as const;

/** `y[b, t] = table[tokens[b, t]]`. Tokens are checked by the caller: a device cannot raise an error. */
export const embeddingLookup = defineKernel({
  name: "embeddingLookup",
  summary: "y[b, t] = table[tokens[b, t]]",
  inputs: { table, tokens },
  outputs: { y: { shape: ["batch", "time", "hiddenSize"] } },
  attributes: {},
  tolerance: 0,
  compose: (inputs) => ({ y: gather(inputs.table, inputs.tokens as Tensor<never>, 0) }),
  gradient: {
    saves: ["table", "tokens"],
    tolerance: 2e-5,
    compute: ({ y }, saved) => ({
      table: () => embeddingGradient({ dy: y, table: saved.table, tokens: saved.tokens }, {}).dTable,
    }),
  },
});

/** The gradient of `embeddingLookup` for the table: rows of dy added up by token. The table gives its shape only. */
export const embeddingGradient = defineKernel({
  name: "embeddingGradient",
  summary: "rows of dy added up by token",
  inputs: { dy: { shape: ["batch", "time", "hiddenSize"] }, table, tokens },
  outputs: { dTable: table },
  attributes: {},
  tolerance: 1e-5,
  compose: (inputs) => {
    const [vocabulary, hiddenSize] = inputs.table.shape as [number, number];
    const chosen = oneHotRows(reshape(inputs.tokens, [-1]), vocabulary);
    return { dTable: matMul(chosen, reshape(inputs.dy, [-1, hiddenSize]), true, false) };
  },
});
