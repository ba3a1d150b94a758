/** All measurements, in the order of the page. */
import type { Measurement } from "../measurement.js";
import { bundle } from "./bundle.js";
import { decoding } from "./decoding.js";
import { growth } from "./growth.js";
import { loading } from "./loading.js";
import { matrixProducts } from "./matrix-products.js";
import { sessions } from "./sessions.js";
import { solverErrors } from "./solver-errors.js";
import { solverSteps } from "./solvers.js";
import { training } from "./training.js";

export const measurements: readonly Measurement[] = [
  matrixProducts,
  training,
  decoding,
  sessions,
  loading,
  bundle,
  growth,
  solverSteps,
  solverErrors,
];
