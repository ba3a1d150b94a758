/** Who decodes, and from which files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelData } from "@sst/layers";
import { type GgufFormat, saveModelData } from "@sst/loaders";
import type { EngineCommand } from "../engine/engine-process.js";
import { type Entrant, isNotRun, type NotRun } from "../engine/rounds.js";
import { writeGguf } from "../models/gguf.js";
import { writeLlama2c } from "../models/llama2c.js";
import { onnxDecoder, onnxHeadDim } from "../models/onnx-decoder.js";
import { prompt } from "../models/prompt.js";
import { bytesPerToken } from "../models/shapes.js";
import { ownWorker } from "../own-worker.js";
import type { Peers } from "../peers.js";
import { runProgram } from "../run-program.js";

export type DecodingFormat = "f32" | "q8" | "q4";

/** With the scale of each block of 32, a half. */
export const bitsPerWeight: Readonly<Record<DecodingFormat, number>> = { f32: 32, q8: 8.5, q4: 4.5 };

export const [memory, own] = ["what memory allows", "ours"] as const;

export const peerNames = { onnx: "onnxruntime", llamaCpp: "llama.cpp", llama2c: "llama2.c" } as const;

/** What our worker is told, by format. In q4 it rounds activations as its peers do; in q8 that would gain it nothing. */
const ownArguments: Readonly<Record<DecodingFormat, readonly string[]>> = {
  f32: [],
  q8: ["int8"],
  q4: ["int4", "int8"],
};

const exact = `${own}, activations not rounded to 8 bits`;

const ggufFormats: Readonly<Record<DecodingFormat, GgufFormat>> = { f32: "f32", q8: "q8_0", q4: "q4_0" };

/** How many tokens are compared. */
const COMPARED_TOKENS = 16;

export interface DecodingOptions {
  readonly model: ModelData;
  readonly format: DecodingFormat;
  readonly peers: Peers;
  /** Where the engines' files are put. */
  readonly folder: string;
  /** Tokens of a turn. */
  readonly count: number;
  /** Takes the first tokens of every engine that starts. */
  readonly tokens: Record<string, number[]>;
}

export async function decodingEntrants(options: DecodingOptions): Promise<Entrant[]> {
  const { model, format, peers, folder, count, tokens } = options;
  mkdirSync(folder, { recursive: true });
  await saveModelData(join(folder, "own"), model);
  const decoder = (name: string, command: Entrant["command"]): Entrant => ({
    name,
    command,
    request: () => ({ count }),
    check: async (engine) => {
      const answer = await engine.ask({ count: COMPARED_TOKENS - 1 });
      tokens[name] = answer.tokens as number[];
    },
  });
  const bytes = bytesPerToken(model.config, bitsPerWeight[format]);
  const reading = { name: memory, command: ownWorker("memory-reading", [String(bytes)]), request: () => ({}) };
  const entrants = [
    reading,
    decoder(own, ownCommand(options, 1)),
    decoder(`${own}, 2 threads`, ownCommand(options, 2)),
    decoder(peerNames.onnx, onnxCommand(model, format, peers, folder)),
    decoder(peerNames.llamaCpp, await llamaCppCommand(model, format, peers, folder)),
  ];
  if (format === "q4") return [...entrants, decoder(exact, ownCommand(options, 1, ["int4"]))];
  // It has no other formats in this file of its own.
  return format === "f32" ? [...entrants, decoder(peerNames.llama2c, await llama2cCommand(options))] : entrants;
}

function ownCommand(
  { format, folder }: DecodingOptions,
  threads: number,
  args: readonly string[] = ownArguments[format],
): EngineCommand {
  return ownWorker("decoding", [join(folder, "own"), ...args], threads);
}

function onnxCommand(model: ModelData, format: DecodingFormat, peers: Peers, folder: string): EngineCommand | NotRun {
  const { config } = model;
  const file = join(folder, "model.onnx");
  const sizes = [config.numHiddenLayers, config.numKeyValueHeads, onnxHeadDim(config)].map(String);
  const script = peers.script("decoding-onnxruntime.mjs", [file, ...sizes]);
  if (!isNotRun(script)) writeFileSync(file, onnxDecoder(model, format));
  return script;
}

async function llamaCppCommand(
  model: ModelData,
  format: DecodingFormat,
  peers: Peers,
  folder: string,
): Promise<EngineCommand | NotRun> {
  const file = join(folder, "model.gguf");
  const script = peers.script("decoding-llama-cpp.mjs", [file]);
  if (!isNotRun(script)) await writeGguf(file, model, ggufFormats[format]);
  return script;
}

async function llama2cCommand({ model, peers, folder }: DecodingOptions): Promise<EngineCommand | NotRun> {
  const source = process.env.LLAMA2C_DIR;
  if (!source) return { notRun: "LLAMA2C_DIR should name the folder that holds llama2.c's run.c" };
  const program = join(folder, "decoding-llama2c");
  const flags = ["-Ofast", "-march=native", `-I${source}`];
  try {
    await runProgram("cc", [...flags, peers.path("decoding-llama2c.c"), "-lm", "-o", program]);
  } catch (error) {
    return { notRun: (error as Error).message };
  }
  const file = join(folder, "model.bin");
  writeLlama2c(file, model);
  return { program, args: [file, ...prompt.map(String)] };
}
