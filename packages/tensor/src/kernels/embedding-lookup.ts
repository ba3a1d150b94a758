/** Rows of a table by token, and the gradient that puts them back. */
import { gather, matMul, reshape, type Tensor } from "@tensorflow/tfjs-core";
import { defineKernel } from "../kernel.js";
import { oneHotRows } from "./one-hot-rows.js";

/** `y[b, t] = table[tokens[b, t]]`. Tokens are checked by the caller: a device cannot raise an error. */
export const embeddingLookup = defineKernel<object>({
  name: "embeddingLookup",
  summary: "y[b, t] = table[tokens[b, t]]",
  inputs: { table: { shape: ["vocabulary", "hiddenSize"] }, tokens: { shape: ["batch", "time"], dtype: "int32" } },
  outputs: { y: { shape: ["batch", "time", "hiddenSize"] } },
  tolerance: 0,
  compose: ({ table, tokens }) => ({ y: gather(table as Tensor, tokens as Tensor<never>, 0) }),
  gradient: {
    saves: ["table", "tokens"],
    compute: ({ y }, { table, tokens }) => ({
      table: () => embeddingGradient({ dy: y, table, tokens }, {}).dTable as Tensor,
    }),
  },
});

/** The gradient of `embeddingLookup` for the table: rows of dy added up by token. */
export const embeddingGradient = defineKernel<object>({
  name: "embeddingGradient",
  summary: "rows of dy added up by token",
  inputs: {
    dy: { shape: ["batch", "time", "hiddenSize"] },
    table: { shape: ["vocabulary", "hiddenSize"] },
    tokens: { shape: ["batch", "time"], dtype: "int32" },
  },
  outputs: { dTable: { shape: ["vocabulary", "hiddenSize"] } },
  tolerance: 1e-5,
  compose: ({ dy, table, tokens }) => {
    const [vocabulary, hiddenSize] = (table as Tensor).shape as [number, number];
    const chosen = oneHotRows(reshape(tokens as Tensor, [-1]), vocabulary);
    return { dTable: matMul(chosen, reshape(dy as Tensor, [-1, hiddenSize]), true, false) };
  },
});
