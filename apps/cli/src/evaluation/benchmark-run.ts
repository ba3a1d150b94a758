/** A model, and a baseline beside it, on a benchmark. */
import { readFile, stat } from "node:fs/promises";
import {
  defaultDepths,
  type Evaluation,
  evaluate,
  type PerplexityRow,
  probedDepth,
  type StoppingPolicy,
  type Subject,
  textPerplexity,
} from "@sst/eval";
import { type FileSource, readProbe } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import type { CommonOptions, PackingOptions } from "../arguments.js";
import { openBackend } from "../backend.js";
import { openSource } from "../model-source.js";
import { type BenchmarkOptions, dataOf, openBenchmark } from "./benchmarks.js";
import { modelDigest, openSubject } from "./model.js";
import { evaluationResult, evaluationTable, perplexityResult, perplexityTable } from "./report.js";
import { verdictProgress } from "./verdict-progress.js";

export interface BenchmarkRunOptions extends CommonOptions, PackingOptions, BenchmarkOptions {
  readonly baseline?: string;
  readonly depths?: readonly number[];
  /** The threshold of the probe beside the model; commander gives `true` for the option without one. */
  readonly probe?: number | true;
  readonly limit?: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly streamOff?: boolean;
}

export async function runBenchmark(options: BenchmarkRunOptions): Promise<void> {
  if (options.resume && options.out === undefined) {
    throw new SstError("contradiction", "--resume goes on with a results file: say which with --out");
  }
  if (options.benchmark === "perplexity") return await runPerplexity(options);
  await requireFresh(options);
  using opened = await openBenchmark(options);
  await openBackend(options.backend);
  const answer = async (name: string, isBaseline: boolean): Promise<Evaluation> => {
    const source = await openSource(name);
    const subject = await openSubject(source, options);
    using _ = subject.model;
    const { limit, streamOff, out, resume = false } = options;
    const depths = isBaseline ? [1] : options.depths;
    const results = out !== undefined && {
      path: isBaseline ? besideName(out) : out,
      // The baseline may not have been reached when the run was stopped.
      resume,
      model: await identity(source, options),
    };
    const progress = verdictProgress();
    try {
      return await evaluate(subject, opened.benchmark, {
        ...(depths && { depths }),
        ...(options.probe !== undefined && !isBaseline && { policies: [await probePolicy(source, subject, options)] }),
        ...(limit !== undefined && { limit }),
        ...(streamOff && { streamOff }),
        ...(results && { results }),
        onProgress: progress.update,
      });
    } finally {
      progress.stop();
    }
  };
  const model = await answer(options.model, false);
  const baseline = options.baseline === undefined ? undefined : await answer(options.baseline, true);
  const result = evaluationResult(model, baseline, options.seed);
  print(options, result, () => evaluationTable(result));
}

async function probePolicy(
  source: FileSource,
  { model }: Subject,
  { depths = defaultDepths, probe: threshold }: BenchmarkRunOptions,
): Promise<StoppingPolicy> {
  const { probe } = await readProbe(source, model.config);
  return probedDepth(probe, { deep: Math.max(...depths), ...(typeof threshold === "number" && { threshold }) });
}

async function runPerplexity(options: BenchmarkRunOptions): Promise<void> {
  if (options.out !== undefined) {
    throw new SstError(
      "contradiction",
      "--out does not apply to perplexity: there are no prompts and verdicts to write",
    );
  }
  if (options.probe !== undefined) {
    throw new SstError("contradiction", "--probe does not apply to perplexity: nothing is generated");
  }
  const path = dataOf(options);
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new SstError("file-not-found", `${path} cannot be read`, { cause });
  });
  await openBackend(options.backend);
  const read = async (name: string, depths: readonly number[] | undefined): Promise<PerplexityRow[]> => {
    const subject = await openSubject(await openSource(name), options);
    using _ = subject.model;
    return await textPerplexity(subject, text, { ...(depths && { depths }), streamOff: options.streamOff ?? false });
  };
  const rows = await read(options.model, options.depths);
  const [baseline] = options.baseline === undefined ? [] : await read(options.baseline, [1]);
  const result = perplexityResult(rows, baseline, options.seed);
  print(options, result, () => perplexityTable(result));
}

/** The model's answers take long: so the baseline's file is looked at before them. */
async function requireFresh({ out, baseline, resume }: BenchmarkRunOptions): Promise<void> {
  if (out === undefined || baseline === undefined || resume) return;
  const path = besideName(out);
  if ((await stat(path).catch(() => undefined)) === undefined) return;
  throw new SstError("output-exists", `${path} exists already: go on with --resume, or choose another --out`);
}

/** Which weights, and how they were run. */
async function identity(
  source: FileSource,
  { quantize, activations, streamOff }: BenchmarkRunOptions,
): Promise<string> {
  const how = [quantize, activations === "int8" && "activations in int8", streamOff && "stream off"]
    .filter(Boolean)
    .join(", ");
  return `${await modelDigest(source)}${how && ` (${how})`}`;
}

/** `results.jsonl` → `results.baseline.jsonl`. */
function besideName(path: string): string {
  return /\.[^./\\]+$/.test(path) ? path.replace(/(\.[^./\\]+)$/, ".baseline$1") : `${path}.baseline`;
}

function print({ json }: CommonOptions, result: object, table: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${table()}\n`);
}
