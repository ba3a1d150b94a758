export {
  type CheckpointFiles,
  type FolderCheckpointOptions,
  FolderCheckpointStore,
  type StoredCheckpoint,
} from "./checkpoints/folder-checkpoint-store.js";
export { type GpqaPrompt, type GpqaQuestion, gpqaQuestion, readGpqa } from "./datasets/gpqa.js";
export {
  type Gsm8k,
  type Gsm8kProblem,
  gsm8kAnswer,
  gsm8kProgram,
  gsm8kText,
  gsm8kTokens,
  readGsm8k,
} from "./datasets/gsm8k.js";
export { type EncodedDocument, type InstructionEncoder, instructionDocument } from "./datasets/instruction-document.js";
export { type Instruction, readInstructions } from "./datasets/instructions.js";
export {
  openInstructions,
  openTexts,
  StreamedDocuments,
  type TextOptions,
  textFiles,
} from "./datasets/streamed-documents.js";
export { directorySource, fileListSource } from "./files/browser-sources.js";
export { type FileSource, memorySource } from "./files/file-source.js";
export { folderSource } from "./files/folder-source.js";
export type { HttpOptions } from "./files/http-client.js";
export { httpSource } from "./files/http-source.js";
export { type NotedFile, noteFiles, requireUnchanged } from "./files/noted-files.js";
export { type OpenFile, openFile } from "./files/open-file.js";
export { type OutputOptions, requireWritable } from "./files/output-folder.js";
export type { LoadProgress, WatchOptions } from "./files/progress.js";
export { toSource } from "./files/to-source.js";
export type { GgufFormat } from "./formats/gguf/tensor-types.js";
export { type GgufOptions, ggufParts } from "./formats/gguf/write-gguf.js";
export { configToJson, readConfig } from "./formats/hugging-face-config.js";
export { readLlama2c } from "./formats/llama2c.js";
export { withAdjacentPairs } from "./formats/rotary-rows.js";
export { openSafetensors, readSafetensors, type TensorFile } from "./formats/safetensors.js";
export {
  type SafetensorsOptions,
  type WeightType,
  weightTypes,
  writeSafetensors,
} from "./formats/safetensors-write.js";
export { type HubOptions, hubSource } from "./hub/hub-source.js";
export { dataSource } from "./models/data-source.js";
export { type ProbeReport, readProbe, writeProbe } from "./models/probe-files.js";
export { type LoadOptions, loadModel, readModelConfig, readModelData } from "./models/read-model.js";
export { saveGguf } from "./models/save-gguf.js";
export {
  type ModelFiles,
  modelFiles,
  type SaveOptions,
  saveModel,
  saveModelData,
  saveModels,
  type WeightOptions,
} from "./models/save-model.js";
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
export {
  type ChatMessage,
  ChatTemplate,
  type ChatTemplateOptions,
  loadChatTemplate,
} from "./tokenizers/chat-template.js";
export { type ChatTokens, chatTokens } from "./tokenizers/chat-tokens.js";
export { Llama2cTokenizer } from "./tokenizers/llama2c-tokenizer.js";
export { loadTokenizer } from "./tokenizers/load-tokenizer.js";
export { requireMatchingTokenizer } from "./tokenizers/matching-tokenizer.js";
export type { SpecialTokens } from "./tokenizers/special-tokens.js";
export { loadVocabulary, SymbolVocabulary } from "./tokenizers/symbol-vocabulary.js";
export type { EncodeOptions, StreamDecoder, Tokenizer } from "./tokenizers/tokenizer.js";
