/** What all engines train: one model, one set of batches, one optimiser, in files that any language reads. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostTensor, ModelConfig, ModelData } from "@sst/layers";

export interface Optimizer {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Of matrices; norms have none. */
  readonly weightDecay: number;
}

/** `[batchSize, time]` each; the label of a position is the next token. */
export interface TokenBatch {
  readonly tokens: Int32Array;
  readonly labels: Int32Array;
}

export interface TrainingProblem {
  readonly config: ModelConfig;
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  readonly time: number;
  /** Under their Hugging Face names, matrices as `[out, in]`. */
  readonly weights: Readonly<Record<string, HostTensor>>;
  /** Taken in turn, from the first one again after the last. */
  readonly batches: readonly TokenBatch[];
}

/** The part of a problem that `problem.json` holds; `weights.bin` and `tokens.bin` hold the numbers, in this order. */
interface ProblemHeader extends Omit<TrainingProblem, "weights" | "batches"> {
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly batchCount: number;
}

export function writeTrainingProblem(folder: string, problem: TrainingProblem): void {
  const { weights, batches, ...rest } = problem;
  const parameters = Object.entries(weights).map(([name, { shape }]) => ({ name, shape }));
  const header: ProblemHeader = { ...rest, parameters, batchCount: batches.length };
  writeFileSync(join(folder, "problem.json"), JSON.stringify(header));
  writeFileSync(join(folder, "weights.bin"), joined(Object.values(weights).map(({ data }) => data)));
  writeFileSync(join(folder, "tokens.bin"), joined(batches.flatMap(({ tokens, labels }) => [tokens, labels])));
}

export function readTrainingProblem(folder: string): TrainingProblem {
  const { parameters, batchCount, ...rest }: ProblemHeader = JSON.parse(
    readFileSync(join(folder, "problem.json"), "utf8"),
  );
  const numbers = new Float32Array(bytesOf(join(folder, "weights.bin")));
  const tokens = new Int32Array(bytesOf(join(folder, "tokens.bin")));
  let position = 0;
  const weights = parameters.map(({ name, shape }): [string, HostTensor] => {
    const size = shape.reduce((left, right) => left * right, 1);
    position += size;
    return [name, { shape, data: numbers.slice(position - size, position) }];
  });
  const size = rest.batchSize * rest.time;
  const batches = Array.from({ length: batchCount }, (_, index) => ({
    tokens: tokens.slice(2 * index * size, (2 * index + 1) * size),
    labels: tokens.slice((2 * index + 1) * size, (2 * index + 2) * size),
  }));
  return { ...rest, weights: Object.fromEntries(weights), batches };
}

export function modelData({ config, weights }: TrainingProblem): ModelData {
  return { config, weights };
}

function joined(arrays: readonly (Float32Array | Int32Array)[]): Buffer {
  return Buffer.concat(arrays.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
}

function bytesOf(file: string): ArrayBuffer {
  return new Uint8Array(readFileSync(file)).buffer;
}
