/** The benchmarks by name, and what each needs. */
import {
  type Benchmark,
  gpqaBenchmark,
  gsm8kBenchmark,
  gsm8kCodeBenchmark,
  PythonSandbox,
  taskBenchmark,
} from "@sst/eval";
import { createTask, readGpqa, readGsm8k } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { openSource } from "../model-source.js";
import { requireVocabulary } from "./model.js";

export const benchmarkNames = ["gsm8k", "gsm8k-code", "gpqa", "task", "perplexity"] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

export interface BenchmarkOptions {
  readonly model: string;
  readonly benchmark: BenchmarkName;
  readonly task?: string;
  readonly data?: string;
  readonly shots?: number;
  readonly maxNewTokens?: number;
  readonly length: number;
  readonly sequences: number;
  readonly seed: number;
}

export interface OpenBenchmark extends Disposable {
  readonly benchmark: Benchmark;
}

/** The caller disposes of it. @throws SstError `invalid-argument` or `contradiction` for options; what is wrong with the data */
export async function openBenchmark(options: BenchmarkOptions): Promise<OpenBenchmark> {
  const { benchmark: name, shots, maxNewTokens, seed } = options;
  const given = { seed, ...(shots !== undefined && { shots }), ...(maxNewTokens !== undefined && { maxNewTokens }) };
  if (shots !== undefined && !name.startsWith("gsm8k")) {
    throw new SstError("contradiction", `--shots does not apply to ${name}: it has no solved problems to show`);
  }
  if (name === "gsm8k-code") {
    const data = await readGsm8k(dataOf(options));
    const sandbox = new PythonSandbox();
    return { benchmark: gsm8kCodeBenchmark(data, sandbox, given), [Symbol.dispose]: () => sandbox.dispose() };
  }
  return { benchmark: await withoutSandbox(options, given), [Symbol.dispose]: () => {} };
}

async function withoutSandbox(options: BenchmarkOptions, given: { readonly seed: number }): Promise<Benchmark> {
  if (options.benchmark === "gsm8k") return gsm8kBenchmark(await readGsm8k(dataOf(options)), given);
  if (options.benchmark === "gpqa") return gpqaBenchmark(await readGpqa(dataOf(options)), given);
  if (options.task === undefined) {
    throw new SstError("invalid-argument", "--benchmark task needs --task: parity, sumN, chain, rooms, s3 or s5");
  }
  const { length, sequences, seed } = options;
  const task = createTask(options.task).on(await requireVocabulary(await openSource(options.model)));
  return taskBenchmark(task, { length, sequences, seed });
}

export function dataOf({ data, benchmark }: Pick<BenchmarkOptions, "data" | "benchmark">): string {
  if (data !== undefined) return data;
  throw new SstError("invalid-argument", `--benchmark ${benchmark} needs --data`);
}
