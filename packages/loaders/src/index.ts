export {
  type CheckpointFiles,
  type FolderCheckpointOptions,
  FolderCheckpointStore,
  type StoredCheckpoint,
} from "./checkpoints/folder-checkpoint-store.js";
export { type GpqaQuestion, readGpqa } from "./datasets/gpqa.js";
export {
  type Gsm8k,
  type Gsm8kProblem,
  gsm8kAnswer,
  gsm8kProgram,
  gsm8kText,
  gsm8kTokens,
  readGsm8k,
} from "./datasets/gsm8k.js";
export { type FileSource, folderSource, httpSource, memorySource } from "./files/file-source.js";
export { type NotedFile, noteFiles, requireUnchanged } from "./files/noted-files.js";
export type { OpenFile } from "./files/open-file.js";
export { type OutputOptions, requireWritable } from "./files/output-folder.js";
export type { GgufFormat } from "./formats/gguf/tensor-types.js";
export { type GgufOptions, ggufParts } from "./formats/gguf/write-gguf.js";
export { configToJson, readConfig } from "./formats/hugging-face-config.js";
export { readLlama2c } from "./formats/llama2c.js";
export { readSafetensors, writeSafetensors } from "./formats/safetensors.js";
export { dataSource } from "./models/data-source.js";
export { saveGguf } from "./models/gguf-folder.js";
export { type ProbeReport, readProbe, writeProbe } from "./models/probe-files.js";
export { loadModel, readModelData } from "./models/read-model.js";
export { type ModelFiles, modelFiles, saveModel, saveModelData, saveModels } from "./models/save-model.js";
export { type HopBatch, type HopBatchOptions, hopBatch } from "./tasks/hop-batch.js";
export { type HopSample, HopTask, type HopTaskOptions } from "./tasks/hop-task.js";
export { createMixture, type Mixture } from "./tasks/mixture.js";
export { createTask } from "./tasks/rules.js";
export { Task, type TaskRule } from "./tasks/task.js";
export { type TaskBatch, type TaskBatchOptions, taskBatch } from "./tasks/task-batch.js";
export {
  type AskedAfter,
  answerBatch,
  drawWordProblems,
  type WordProblemBatchOptions,
  withSteps,
  writtenStepsBatch,
} from "./tasks/word-problem-batch.js";
export { storyNames, type WordProblem, WordProblems } from "./tasks/word-problems.js";
export { Llama2cTokenizer } from "./tokenizers/llama2c-tokenizer.js";
export { loadTokenizer } from "./tokenizers/load-tokenizer.js";
export { loadVocabulary, SymbolVocabulary } from "./tokenizers/symbol-vocabulary.js";
export type { StreamDecoder, Tokenizer } from "./tokenizers/tokenizer.js";
