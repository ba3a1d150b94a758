export type { LabelledBatch } from "./batches.js";
export {
  accuracyByDepth,
  type DepthReading,
  readDepths,
  type SequenceReadings,
  unionOverDepths,
} from "./depths.js";
export {
  evaluateHalting,
  type HaltingResult,
  type HaltingRule,
  learnedHalting,
  untilAny,
  untilDecided,
  untilSettled,
} from "./halting.js";
export { type LabelAccuracy, labelAccuracy, lastAnswerByIterations } from "./label-accuracy.js";
export { type MeanLoss, meanLoss } from "./mean-loss.js";
