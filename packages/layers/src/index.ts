export { allLinearLayers, withLora, withStateStream } from "./adapters/lora.js";
export { withMergedAdapters } from "./adapters/merge.js";
export { isTarget, linearModules, targetsMatching } from "./adapters/target-modules.js";
export { type CacheContents, cacheSlots, KvCache } from "./caches/kv-cache.js";
export { LatentStateCache, type StateContents } from "./caches/latent-state-cache.js";
export type {
  HostTensor,
  LayerType,
  LinearName,
  LoraConfig,
  ModelConfig,
  ModelData,
  ModelType,
  RopeScaling,
  StateStreamConfig,
} from "./config.js";
export { type DecodeCaches, type DecodeOptions, DecodeStep, likeliestOf } from "./decode-step.js";
export { DecoderModel, type DecoderModelOptions } from "./decoder-model.js";
export { downloaded } from "./device-weights.js";
export { type Documents, documentTensors } from "./documents.js";
export { completionFlops, headFlops, iterationFlops, positionFlops } from "./flops.js";
export { forward, head } from "./forward.js";
export {
  type ChosenIterations,
  type ForwardOptions,
  planForward,
  type Solver,
  type StateColumns,
} from "./forward-options.js";
export { type InitializationOptions, initializeModel } from "./initialize.js";
export { type IterateOptions, iteratePosition } from "./iterate-position.js";
export { layerWindow } from "./layer-window.js";
export {
  type ActivationFormat,
  activationFormats,
  type LinearWeight,
  type LowRank,
  type PackedWeight,
} from "./linear.js";
export { meanCrossEntropy } from "./loss.js";
export { withAdditionsOf } from "./model-data.js";
export { ParameterReader, type ParameterSource } from "./parameter-source.js";
export {
  adapterShapes,
  backboneShapes,
  isLinear,
  isStreamParameter,
  layerNorms,
  linearShapes,
  type NormName,
  recirculationNames,
  streamShapes,
  thetaName,
} from "./parameters.js";
export {
  paperAlpha,
  pretrainedTheta,
  type SmallDecoderOptions,
  smallAlphaInitialization,
  smallDecoder,
} from "./presets.js";
export { Probe, type ProbeData } from "./probe.js";
export { requireCount } from "./require-count.js";
export { rotaryFrequencies } from "./rotary-frequencies.js";
export { RowBatch, type RowBatchOptions, type RowsIterated } from "./rows/row-batch.js";
export { chooseSolver, type SolverChoice, type SolverWishes } from "./state-stream/choose-solver.js";
export type { Propagation } from "./state-stream/propagation.js";
export { requireKnownTokens, tokenTensor } from "./tokens.js";
export type { LayerWeights, ModelWeights } from "./weights.js";
