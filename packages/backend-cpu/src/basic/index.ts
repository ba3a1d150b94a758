/** The basic operations that are compiled here, by TensorFlow.js' names. */
import { copyOperations } from "./copies.js";
import { elementwiseOperations } from "./elementwise.js";
import { fillOperations } from "./fills.js";
import { batchMatMul } from "./mat-mul.js";
import type { BasicOperation } from "./operation.js";
import { reductions } from "./reductions.js";

export const basicOperations: Readonly<Record<string, BasicOperation>> = {
  ...copyOperations,
  ...elementwiseOperations,
  ...fillOperations,
  BatchMatMul: batchMatMul,
  ...reductions,
};
