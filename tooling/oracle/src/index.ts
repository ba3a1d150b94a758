export { lossDerivatives, nextTokenLoss } from "./oracle-gradient.js";
export { type OracleOptions, type OracleRun, type OracleWeights, oracleWeights, runOracle } from "./oracle-model.js";
