/** `sst inspect`: a report of what a model went through while it read a prompt and went on from it. */
import { access, constants } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { TraceOptions } from "@sst/infer";
import type { DecoderModel, ModelConfig } from "@sst/layers";
import { type FileSource, loadModel, loadVocabulary } from "@sst/loaders";
import { count, writeWhole } from "@sst/report/page";
import { SstError } from "@sst/tensor";
import { Command } from "commander";
import { packingOf, wholeNumber } from "../arguments.js";
import { openBackend } from "../backend.js";
import { policyOf } from "../deliberation/deliberation.js";
import { deliberationOf } from "../deliberation/deliberation-text.js";
import { type AnalysisContext, analyse } from "../inspection/analysis.js";
import { collectTrace } from "../inspection/collect.js";
import type { InspectionData } from "../inspection/inspection-data.js";
import { renderReport } from "../inspection/report.js";
import { beginTrace, requireFreeFolder } from "../inspection/trace-folder.js";
import { loadMatchingTokenizer, loadProbe, openSource } from "../model-source.js";
import { encodePrompt, newTokensFor, type PromptOptions, refuseGoingOn, withPromptOptions } from "../prompt-options.js";
import { type SamplingFlags, samplingOf } from "../sampling-options.js";
import { stopTokens } from "../stop-tokens.js";

interface InspectOptions extends PromptOptions {
  readonly out: string;
  readonly overwrite?: boolean;
  readonly trace?: string;
  readonly promptIterations?: number;
}

/** None is the prompt alone. */
const newTokens = { least: 0, otherwise: 48 };

export function inspectCommand(): Command {
  const command = new Command("inspect").description(
    "Look inside a generation: latent states, basins and next-token distributions as a page",
  );
  return withPromptOptions(command, newTokens)
    .requiredOption("--out <file>", "where the report goes: one HTML file that needs nothing else")
    .option("--overwrite", "replace a report that is there")
    .option("--trace <folder>", "also keep the trace with all its states, in a new folder")
    .option("--prompt-iterations <N>", "iterations at the prompt's positions but the last", wholeNumber(1))
    .action(run);
}

/** A prompt as tokens, what may follow it, and how tokens are spelt. */
interface Request extends Pick<AnalysisContext, "outcome" | "nameOf"> {
  readonly prompt: readonly number[];
  readonly options: TraceOptions;
  textsOf(tokens: readonly number[]): string[];
}

async function run(options: InspectOptions): Promise<void> {
  const sampling = samplingOf(options);
  await requireFreeFile(options);
  if (options.trace !== undefined) await requireFreeFolder(options.trace);
  await openBackend(options.backend);
  const source = await openSource(options.model);
  using model = await loadModel(source, packingOf(options));
  const request = await requestOf(model, source, options, sampling);
  const { vocabSize, hiddenSize, numHiddenLayers: numLayers } = model.config;
  const about = { model: options.model, prompt: options.prompt };
  const header = { vocabSize, hiddenSize, numLayers, about };
  const { trace } = options;
  const beginWriter = trace === undefined ? undefined : () => beginTrace(trace, header);
  const traced = await collectTrace(model, request.prompt, request.options, beginWriter);
  const data = analyse(traced, {
    ...request,
    model: basename(resolve(options.model)),
    hiddenSize,
    texts: request.textsOf(traced.records.map(({ token }) => token)),
  });
  await writeWhole(options.out, await renderReport(data, options.prompt));
  tell(data, options);
}

async function requestOf(
  model: DecoderModel,
  source: FileSource,
  options: InspectOptions,
  sampling: SamplingFlags,
): Promise<Request> {
  const { promptIterations, streamOff = false } = options;
  const passing = {
    ...(await depthOf(source, model.config, options)),
    ...(promptIterations !== undefined && { promptIterations }),
    streamOff,
  };
  const vocabulary = await loadVocabulary(source);
  if (vocabulary !== undefined) {
    refuseGoingOn(options);
    return {
      outcome: "label",
      prompt: [vocabulary.startToken, ...vocabulary.encode(options.prompt)],
      options: passing,
      nameOf: (token) => vocabulary.decode(token),
      textsOf: (tokens) => tokens.map((token) => `${vocabulary.decode(token)} `),
    };
  }
  const tokenizer = await loadMatchingTokenizer(source, model.config);
  const prompt = encodePrompt(options, tokenizer);
  return {
    outcome: "next token",
    prompt,
    options: {
      ...sampling,
      ...passing,
      maxNewTokens: newTokensFor(options, prompt.length, model.config, newTokens),
      stopTokens: stopTokens(model.config, tokenizer),
    },
    // Behind the prompt, where a leading space counts.
    nameOf: (token) => {
      const decoder = tokenizer.streamDecoder(prompt);
      return decoder.push(token) + decoder.end();
    },
    textsOf: (tokens) => {
      const decoder = tokenizer.streamDecoder([]);
      return tokens.map((token) => decoder.push(token));
    },
  };
}

async function depthOf(
  source: FileSource,
  config: ModelConfig,
  options: InspectOptions,
): Promise<Pick<TraceOptions, "iterations" | "deliberation">> {
  const asked = deliberationOf(options);
  if (asked.policy === "fixed") return { iterations: asked.iterations };
  return { deliberation: policyOf(asked, await loadProbe(source, config)) };
}

/** Before anything long begins. */
async function requireFreeFile({ out, overwrite = false }: InspectOptions): Promise<void> {
  await access(dirname(resolve(out)), constants.W_OK).catch((cause: Error) => {
    throw new SstError("output-not-writable", `--out ${out} cannot be written: ${cause.message}`, { cause });
  });
  const isThere = await access(out).then(
    () => true,
    () => false,
  );
  if (isThere && !overwrite) {
    throw new SstError("output-exists", `${out} exists already: add --overwrite, or choose another --out`);
  }
}

function tell({ positions, layers, modes }: InspectionData, { json, out, trace }: InspectOptions): void {
  const basins = layers.map(({ basinCount, changePoints, silhouette }) => ({ basinCount, changePoints, silhouette }));
  const shifts = modes.map(({ values: _, ...figures }) => figures);
  if (json) {
    const summary = { out, ...(trace !== undefined && { trace }), positions: positions.length, layers: basins, shifts };
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return;
  }
  for (const [layer, { basinCount, changePoints }] of basins.entries()) {
    const shiftWords = changePoints.length === 0 ? "no shifts" : `shifts at ${changePoints.join(", ")}`;
    process.stdout.write(`layer ${layer}: ${count(basinCount, "basin")}, ${shiftWords}\n`);
  }
  process.stderr.write(`${count(positions.length, "position")} traced, the report is ${out}\n`);
}
