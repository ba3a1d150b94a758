/** `sst generate`: a prompt and its continuations, or for a model that labels positions the label after each symbol. */
import { capacityFor, labelPositions, requireRoom, Session, type SessionGeneration } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";
import { type FileSource, loadModel, loadVocabulary, type SymbolVocabulary } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { Command } from "commander";
import { addText, forwardOptions, packingOf, wholeNumber } from "../arguments.js";
import { openBackend } from "../backend.js";
import { policyOf, promptIterations } from "../deliberation/deliberation.js";
import { deliberationOf } from "../deliberation/deliberation-text.js";
import { loadMatchingTokenizer, loadProbe, openSource } from "../model-source.js";
import { encodePrompt, newTokensFor, type PromptOptions, refuseGoingOn, withPromptOptions } from "../prompt-options.js";
import { samplingOf } from "../sampling-options.js";
import { stopTokens } from "../stop-tokens.js";

interface GenerateCommandOptions extends PromptOptions {
  readonly samples?: number;
  readonly stop?: readonly string[];
}

const newTokens = { least: 1, otherwise: 64 };

export function generateCommand(): Command {
  const command = new Command("generate").description(
    "Continue a prompt; a model of a state-tracking task labels the symbols of the prompt instead",
  );
  return withPromptOptions(command, newTokens)
    .option("--stop <text>", "a text that ends it and is left out; can be given several times", addText)
    .option(
      "--samples <N>",
      "continuations of the prompt, which is read once; each has the next seed (default: 1)",
      wholeNumber(1),
    )
    .action(run);
}

async function run(options: GenerateCommandOptions): Promise<void> {
  const wishes = wishesOf(options);
  await openBackend(options.backend);
  const source = await openSource(options.model);
  using model = await loadModel(source, packingOf(options));
  const vocabulary = await loadVocabulary(source);
  if (vocabulary !== undefined) await label(model, vocabulary, options);
  else await continuePrompt(model, source, options, wishes);
}

type Wishes = Pick<SessionGeneration, "temperature" | "stopTexts"> & { readonly seed: number };

/** @throws SstError `contradiction`, before anything is loaded */
function wishesOf(options: GenerateCommandOptions): Wishes {
  const { samples = 1, stop = [], temperature = 0 } = options;
  if (samples > 1 && temperature === 0) {
    throw new SstError(
      "contradiction",
      `--samples ${samples} at temperature 0 would be the same text ${samples} times: add --temperature 1`,
    );
  }
  return { seed: 0, ...samplingOf(options), stopTexts: stop };
}

async function continuePrompt(
  model: DecoderModel,
  source: FileSource,
  options: GenerateCommandOptions,
  { seed, ...wishes }: Wishes,
): Promise<void> {
  const { config } = model;
  const { samples = 1, streamOff = false } = options;
  const tokenizer = await loadMatchingTokenizer(source, config);
  const prompt = encodePrompt(options, tokenizer);
  const maxNewTokens = newTokensFor(options, prompt.length, config, newTokens);
  requireRoom(config, prompt.length, maxNewTokens);
  const asked = deliberationOf(options);
  const deliberation = policyOf(asked, await loadProbe(source, config));
  const request = { ...wishes, maxNewTokens, deliberation, stopTokens: stopTokens(config, tokenizer) };
  using session = new Session(model, { context: capacityFor(prompt.length + maxNewTokens, config), streamOff });
  const startedAt = performance.now();
  await session.append(prompt, { iterations: promptIterations(asked) });
  let count = 0;
  for (let sample = 0; sample < samples; sample++) {
    const decoder = tokenizer.streamDecoder(prompt);
    // The last one may have the session itself: a fork that goes on has caches of its own.
    using text = sample < samples - 1 ? session.fork() : session;
    if (samples > 1 && !options.json) process.stdout.write(`--- ${sample + 1} of ${samples}, seed ${seed + sample}\n`);
    count += await writeContinuation(text, { ...request, seed: seed + sample, decoder }, options);
  }
  if (options.json) return;
  const seconds = (performance.now() - startedAt) / 1000;
  process.stderr.write(
    `${prompt.length} prompt tokens, ${count} new ones in ${seconds.toFixed(2)} s ` +
      `(${(count / seconds).toFixed(1)} tokens/s, prompt included)\n`,
  );
}

/** A text as it comes, or as a line of JSON. @returns its tokens' number */
async function writeContinuation(
  session: Session,
  request: SessionGeneration,
  { json = false, prompt }: GenerateCommandOptions,
): Promise<number> {
  const tokens: number[] = [];
  let continuation = "";
  for await (const event of session.generate(request)) {
    if (event.event === "iteration-end") continue;
    // Not before there is something behind it: a model that breaks down prints nothing.
    if (!json && tokens.length === 0) process.stdout.write(prompt);
    if (event.event === "token-delta") tokens.push(event.token);
    continuation += event.text;
    if (!json) process.stdout.write(event.text);
    if (event.event !== "generation-end" || !json) continue;
    const told = { prompt, continuation, tokens, seed: request.seed, reason: event.reason, ...event.figures };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
  if (!json) process.stdout.write("\n");
  return tokens.length;
}

async function label(
  model: DecoderModel,
  vocabulary: SymbolVocabulary,
  options: GenerateCommandOptions,
): Promise<void> {
  const { samples, stop } = options;
  const others = Object.entries({ "--samples": samples, "--stop": stop });
  refuseGoingOn(
    options,
    others.flatMap(([name, value]) => (value === undefined ? [] : [name])),
  );
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
