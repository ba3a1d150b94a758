/**
 * A model on a benchmark: greedily, at each depth by itself and by each stopping policy, with what that costs. The union
 * over the depths is a figure of its own, and never called the model's accuracy: it takes an oracle that knows which depth
 * to believe.
 */
import { completionFlops } from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { Benchmark, Question } from "./benchmark.js";
import { complete } from "./completion.js";
import { openResults, type ResultRecord } from "./results-file.js";
import { accuracyOf } from "./statistics/comparison.js";
import { fixedDepth, type StoppingPolicy } from "./stopping-policy.js";
import type { Subject } from "./subject.js";

export interface EvaluateOptions {
  /** Iterations at every generated position, each a row; defaults to 1 to 4, and to 1 without a stream. */
  readonly depths?: readonly number[];
  /** Further rows. */
  readonly policies?: readonly StoppingPolicy[];
  /** Only so many questions, the first ones; a later run may ask for more and go on. */
  readonly limit?: number;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
  readonly results?: {
    /** A JSON-lines file of every prompt, completion and verdict. */
    readonly path: string;
    /** Goes on with a file that exists. */
    readonly resume?: boolean;
    /** Says which weights these are; a file of others is refused. */
    readonly model: string;
  };
  /** Told after every verdict. */
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
}

export interface EvaluationProgress {
  /** Verdicts that there are, those of an earlier run among them, of all that there will be. */
  readonly done: number;
  readonly total: number;
  readonly correct: number;
}

export interface EvaluationRow {
  /** `depth 2`, or a policy's name. */
  readonly name: string;
  /** By question, in the benchmark's order. */
  readonly verdicts: readonly boolean[];
  readonly accuracy: number;
  /** Floating-point operations per question, prompt and completion; see `completionFlops`. */
  readonly flops: number;
  /** Per generated token. */
  readonly iterations: number;
  /** Tokens of a completion. */
  readonly newTokens: number;
}

export interface Evaluation {
  readonly benchmark: string;
  readonly questions: number;
  readonly depths: readonly EvaluationRow[];
  readonly policies: readonly EvaluationRow[];
  /** Questions that at least one depth answers right. Not an accuracy of the model. Absent with one depth. */
  readonly unionOverDepths?: { readonly verdicts: readonly boolean[]; readonly share: number };
}

/** Of a model with a stream. */
export const defaultDepths: readonly number[] = [1, 2, 3, 4];

/**
 * @throws SstError `invalid-argument` or `contradiction` for options; as `openResults`; and what stops a model from running
 * at all. A completion that is wrong in whatever way is a wrong answer.
 */
export async function evaluate(
  subject: Subject,
  benchmark: Benchmark,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const depths = depthsOf(subject, options).map(fixedDepth);
  const policies = options.policies ?? [];
  requireNames([...depths, ...policies]);
  const questions = benchmark.questions.slice(0, options.limit);
  if (questions.length === 0)
    throw new SstError("invalid-argument", `the benchmark ${benchmark.name} has no questions`);
  requireDifferentIds(questions);
  const records = await recordsOf(subject, benchmark, questions, [...depths, ...policies], options);
  const rowOf = ({ name }: StoppingPolicy) => summarize(name, questions, records);
  const depthRows = depths.map(rowOf);
  return {
    benchmark: benchmark.name,
    questions: questions.length,
    depths: depthRows,
    policies: policies.map(rowOf),
    ...(depths.length > 1 && { unionOverDepths: unionOf(depthRows) }),
  };
}

function depthsOf({ model }: Subject, { depths, streamOff = false }: EvaluateOptions): readonly number[] {
  const canIterate = model.config.stateStream !== undefined && !streamOff;
  const chosen = depths ?? (canIterate ? defaultDepths : [1]);
  for (const depth of chosen) {
    if (!Number.isInteger(depth) || depth < 1) {
      throw new SstError("invalid-argument", `a depth should be a whole number of at least 1, but is ${depth}`);
    }
    if (depth > 1 && !canIterate) {
      throw new SstError(
        "contradiction",
        `depth ${depth} iterates the state stream, which ${streamOff ? "is switched off" : "the model has not"}: ` +
          "evaluate depth 1 alone",
      );
    }
  }
  return chosen;
}

function requireNames(policies: readonly StoppingPolicy[]): void {
  const names = policies.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new SstError("contradiction", `there are two rows of the name "${twice}"`);
  if (names.length === 0) throw new SstError("invalid-argument", "give at least one depth or policy to evaluate");
}

function requireDifferentIds(questions: readonly Question[]): void {
  const seen = new Set<string>();
  for (const { id } of questions) {
    if (seen.has(id)) throw new SstError("contradiction", `two questions have the id "${id}": each needs its own`);
    seen.add(id);
  }
}

type Records = ReadonlyMap<string, ResultRecord>;

const keyOf = (row: string, question: string) => JSON.stringify([row, question]);

/** All verdicts; question by question, so that what was done when a run is stopped can be compared. */
async function recordsOf(
  subject: Subject,
  benchmark: Benchmark,
  questions: readonly Question[],
  policies: readonly StoppingPolicy[],
  options: EvaluateOptions,
): Promise<Records> {
  const { results } = options;
  const { name, settings } = benchmark;
  const header = { model: results?.model ?? "", benchmark: name, settings };
  const file = results && (await openResults(results.path, header, results.resume ?? false));
  const records = new Map((file?.records ?? []).map((record) => [keyOf(record.row, record.question), record]));
  const wanted = questions.flatMap((question) => policies.map((policy) => ({ question, policy })));
  let [done, correct] = [0, 0];
  try {
    for (const { question, policy } of wanted) {
      options.signal?.throwIfAborted();
      const key = keyOf(policy.name, question.id);
      let record = records.get(key);
      if (record !== undefined) requireSamePrompt(record, question);
      else {
        record = await answer(subject, benchmark, question, policy, options);
        await file?.append(record);
        records.set(key, record);
      }
      done++;
      correct += Number(record.correct);
      options.onProgress?.({ done, total: wanted.length, correct });
    }
  } finally {
    await file?.close();
  }
  return records;
}

/** @throws SstError `contradiction`: the data have changed since the file was begun */
function requireSamePrompt({ prompt }: ResultRecord, question: Question): void {
  if (prompt === question.prompt) return;
  throw new SstError(
    "contradiction",
    `the results file holds question ${question.id} with another prompt: have the data changed? Choose another file`,
  );
}

async function answer(
  subject: Subject,
  { maxNewTokens, stopTexts }: Benchmark,
  question: Question,
  policy: StoppingPolicy,
  { streamOff = false, signal }: EvaluateOptions,
): Promise<ResultRecord> {
  const { id, prompt } = question;
  const completion = await complete(subject, policy, prompt, stopTexts, { maxNewTokens, streamOff, signal });
  const asked = { row: policy.name, question: id, prompt };
  if (completion === undefined) {
    const detail = "the prompt does not fit the model's context";
    const nothing = { completion: "", answer: null, correct: false, promptTokens: 0, iterations: [], flops: 0 };
    return { ...asked, ...nothing, detail };
  }
  const { text, promptTokens, iterations } = completion;
  const flops = completionFlops(subject.model.config, promptTokens, iterations, streamOff);
  const verdict = await question.judge(text);
  return { ...asked, completion: text, ...verdict, promptTokens, iterations: [...iterations], flops };
}

function summarize(name: string, questions: readonly Question[], records: Records): EvaluationRow {
  const ofRow = questions.map(({ id }) => records.get(keyOf(name, id)) as ResultRecord);
  const verdicts = ofRow.map(({ correct }) => correct);
  const total = (figure: (record: ResultRecord) => number) => ofRow.reduce((sum, record) => sum + figure(record), 0);
  const tokens = total(({ iterations }) => iterations.length);
  const iterations = total((record) => record.iterations.reduce((sum, count) => sum + count, 0));
  return {
    name,
    verdicts,
    accuracy: accuracyOf(verdicts),
    flops: total(({ flops }) => flops) / ofRow.length,
    iterations: tokens === 0 ? 0 : iterations / tokens,
    newTokens: tokens / ofRow.length,
  };
}

function unionOf(rows: readonly EvaluationRow[]): { verdicts: boolean[]; share: number } {
  const verdicts = (rows[0] as EvaluationRow).verdicts.map((_, index) => rows.some((row) => row.verdicts[index]));
  return { verdicts, share: accuracyOf(verdicts) };
}
