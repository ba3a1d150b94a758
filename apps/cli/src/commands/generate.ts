/** `sst generate`: a prompt and its continuation, or for a model that labels positions the label after each symbol. */
import { type GenerateOptions, generate, labelPositions } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";
import { loadModel, loadVocabulary, type SymbolVocabulary, type Tokenizer } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { Command } from "commander";
import {
  type CommonOptions,
  forwardOptions,
  number,
  type QuantizeOption,
  wholeNumber,
  withCommonOptions,
  withQuantizeOption,
} from "../arguments.js";
import { openBackend } from "../backend.js";
import { loadMatchingTokenizer, modelDescription, openSource } from "../model-source.js";
import { stopTokens } from "../stop-tokens.js";

interface GenerateCommandOptions extends CommonOptions, QuantizeOption {
  readonly model: string;
  readonly prompt: string;
  readonly maxNewTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly iterations?: number;
  readonly streamOff?: boolean;
}

/** Tokens that are generated where nothing is asked for, as far as the context holds them. */
const defaultNewTokens = 64;

export function generateCommand(): Command {
  const command = new Command("generate")
    .description("Continue a prompt; a model of a state-tracking task labels the symbols of the prompt instead")
    .requiredOption("--model <model>", modelDescription)
    .requiredOption("--prompt <text>", 'what to continue, or symbols such as "132 213"')
    .option("--max-new-tokens <N>", `tokens to generate at most (default: ${defaultNewTokens})`, wholeNumber(1))
    .option("--temperature <X>", "0 takes the likeliest token (default: 0)", number(0))
    .option("--top-k <N>", "draw from the N likeliest tokens", wholeNumber(1))
    .option("--top-p <X>", "draw from the likeliest tokens that make up this share", number(0, 1))
    .option("--seed <N>", "seed of the draws (default: 0)", wholeNumber(0))
    .option("--iterations <N>", "iterations at every position (default: 1)", wholeNumber(1))
    .option("--stream-off", "run the plain backbone");
  return withCommonOptions(withQuantizeOption(command)).action(run);
}

async function run(options: GenerateCommandOptions): Promise<void> {
  await openBackend(options.backend);
  const source = await openSource(options.model);
  using model = await loadModel(source, { quantize: options.quantize });
  const vocabulary = await loadVocabulary(source);
  if (vocabulary !== undefined) await label(model, vocabulary, options);
  else await continuePrompt(model, await loadMatchingTokenizer(source, model.config), options);
}

async function continuePrompt(
  model: DecoderModel,
  tokenizer: Tokenizer,
  options: GenerateCommandOptions,
): Promise<void> {
  if (options.prompt === "") throw new SstError("empty-prompt", "the prompt is empty: give --prompt some text");
  const prompt = tokenizer.encode(options.prompt);
  const room = model.config.maxPositionEmbeddings - prompt.length;
  const { temperature, topK, topP, seed } = options;
  const sampling = Object.entries({ temperature, topK, topP, seed }).filter(([, value]) => value !== undefined);
  const request: GenerateOptions = {
    ...Object.fromEntries(sampling),
    ...(forwardOptions(options) as Pick<GenerateOptions, "iterations" | "streamOff">),
    maxNewTokens: options.maxNewTokens ?? Math.max(1, Math.min(defaultNewTokens, room)),
    stopTokens: stopTokens(model.config, tokenizer),
  };
  const startedAt = performance.now();
  const decoder = tokenizer.streamDecoder(prompt);
  const tokens: number[] = [];
  let text = "";
  const write = (piece: string) => {
    text += piece;
    if (!options.json) process.stdout.write(piece);
  };
  for await (const token of generate(model, prompt, request)) {
    if (tokens.length === 0 && !options.json) process.stdout.write(options.prompt);
    tokens.push(token);
    write(decoder.push(token));
  }
  write(decoder.end());
  const seconds = (performance.now() - startedAt) / 1000;
  const figures = {
    promptTokens: prompt.length,
    newTokens: tokens.length,
    seconds,
    tokensPerSecond: tokens.length / seconds,
  };
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ prompt: options.prompt, continuation: text, tokens, ...figures })}\n`);
    return;
  }
  process.stdout.write("\n");
  process.stderr.write(
    `${figures.promptTokens} prompt tokens, ${figures.newTokens} new ones in ${seconds.toFixed(2)} s ` +
      `(${figures.tokensPerSecond.toFixed(1)} tokens/s, prompt included)\n`,
  );
}

async function label(
  model: DecoderModel,
  vocabulary: SymbolVocabulary,
  options: GenerateCommandOptions,
): Promise<void> {
  const { maxNewTokens, temperature, topK, topP, seed } = options;
  for (const [name, value] of Object.entries({ maxNewTokens, temperature, topK, topP, seed })) {
    if (value === undefined) continue;
    throw new SstError(
      "contradiction",
      `this model labels the symbols that it is given and draws nothing: ${name} does not apply`,
    );
  }
  const symbols = vocabulary.encode(options.prompt);
  const startedAt = performance.now();
  const rows = await labelPositions(model, [[vocabulary.startToken, ...symbols]], forwardOptions(options));
  const answers = (rows[0] as number[]).slice(1).map((token) => vocabulary.decode(token));
  const names = symbols.map((token) => vocabulary.decode(token));
  const seconds = (performance.now() - startedAt) / 1000;
  if (options.json) process.stdout.write(`${JSON.stringify({ symbols: names, labels: answers, seconds })}\n`);
  else for (const [index, name] of names.entries()) process.stdout.write(`${name}\t${answers[index]}\n`);
  process.stderr.write(`${names.length} symbols in ${seconds.toFixed(2)} s\n`);
}
