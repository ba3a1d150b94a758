export { labelLoss, lossDerivatives, nextTokenLoss, stepLossDerivatives } from "./oracle-gradient.js";
export { type OracleOptions, type OracleRun, type OracleWeights, oracleWeights, runOracle } from "./oracle-model.js";
export { runSteps } from "./oracle-steps.js";
