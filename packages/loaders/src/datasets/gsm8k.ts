/** GSM8K (Cobbe et al. 2021): grade-school problems, a JSON object a line with `question` and `answer`. */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { FileSource } from "../files/file-source.js";
import type { Tokenizer } from "../tokenizers/tokenizer.js";
import { answerStart } from "./instruction-document.js";
import { utf8Text } from "./lines.js";

const problemSchema = v.object({ question: v.string(), answer: v.string() });

export type Gsm8kProblem = v.InferOutput<typeof problemSchema>;

export interface Gsm8k {
  readonly train: readonly Gsm8kProblem[];
  readonly test: readonly Gsm8kProblem[];
}

const splits = { train: "train.jsonl", test: "test.jsonl" };

/**
 * A folder or source with `train.jsonl` and `test.jsonl`, or one such file, of which the last tenth is the test split. Paths in
 * Node only.
 *
 * @throws SstError `file-not-found`, `file-corrupt` with file and line, and what the source throws
 */
export async function readGsm8k(from: string | FileSource): Promise<Gsm8k> {
  if (typeof from === "string") return readPath(from);
  const read = async (name: string) => problemsOf(await from.read(name), `${from.location}/${name}`);
  return { train: await read(splits.train), test: await read(splits.test) };
}

async function readPath(path: string): Promise<Gsm8k> {
  const { stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const information = await stat(path).catch(() => undefined);
  if (information === undefined) throw new SstError("file-not-found", `there is no file or folder "${path}"`);
  if (information.isDirectory()) {
    return { train: await readProblems(join(path, splits.train)), test: await readProblems(join(path, splits.test)) };
  }
  const problems = await readProblems(path);
  if (problems.length < 2)
    throw new SstError("file-corrupt", `${path} holds ${problems.length} problem: too few for training and test`);
  const trainCount = Math.min(problems.length - 1, Math.ceil(problems.length * 0.9));
  return { train: problems.slice(0, trainCount), test: problems.slice(trainCount) };
}

/** A problem as text for a language model. */
export function gsm8kText({ question, answer }: Gsm8kProblem): string {
  return `Question: ${question}\nAnswer: ${answer}\n`;
}

/** The text as tokens, and which of them is the first of the answer: one that the question alone would not have. */
export function gsm8kTokens(problem: Gsm8kProblem, tokenizer: Tokenizer): { tokens: number[]; answerStart: number } {
  const tokens = tokenizer.encode(gsm8kText(problem));
  const question = tokenizer.encode(gsm8kText({ ...problem, answer: "" }).trimEnd());
  return { tokens, answerStart: answerStart(tokens, question) };
}

/** The answer after the last `####`, without thousands' commas; undefined for a solution without one. */
export function gsm8kAnswer({ answer }: Gsm8kProblem): string | undefined {
  return /####\s*(-?[\d,]*\.?\d+)\s*$/.exec(answer)?.[1]?.replaceAll(",", "");
}

/**
 * A solution as a Python program that prints the answer, for the CodeACT form: each step a comment, each calculation that
 * the data set marks (`<<48/2=24>>`) a line of code. Undefined for the few whose last calculation is not the answer, or
 * which calculate with more than numbers. Ours.
 */
export function gsm8kProgram(problem: Gsm8kProblem): string | undefined {
  const lines: string[] = [];
  let result: string | undefined;
  const steps = problem.answer.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("####"));
  for (const step of steps) {
    lines.push(`# ${step.replaceAll(/<<[^<>]*>>/g, "").trim()}`);
    for (const [, calculation = "", value = ""] of step.matchAll(/<<([^<>=]*)=([^<>=]*)>>/g)) {
      if (!/^[\d\s.+\-*/()]+$/.test(calculation) || /(^|\D)0\d/.test(calculation)) return undefined;
      lines.push(`result = ${calculation.trim()}`);
      result = value.trim();
    }
  }
  if (result === undefined || Number(result) !== Number(gsm8kAnswer(problem))) return undefined;
  return `${lines.join("\n")}\nprint(result)\n`;
}

async function readProblems(path: string): Promise<Gsm8kProblem[]> {
  const { readFile } = await import("node:fs/promises");
  const bytes = await readFile(path).catch((cause) => {
    throw new SstError("file-not-found", `${path} cannot be read`, { cause });
  });
  return problemsOf(bytes, path);
}

function problemsOf(bytes: Uint8Array, name: string): Gsm8kProblem[] {
  const lines = utf8Text(bytes, name)
    .replace(/^\uFEFF/, "")
    .split("\n");
  return lines.flatMap((line, index) => (line.trim() === "" ? [] : [parseProblem(line, `${name}, line ${index + 1}`)]));
}

function parseProblem(line: string, place: string): Gsm8kProblem {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new SstError("file-corrupt", `${place}: not valid JSON`, { cause });
  }
  const result = v.safeParse(problemSchema, value);
  if (result.success) return result.output;
  throw new SstError("file-corrupt", `${place}: expected the texts "question" and "answer"`);
}
