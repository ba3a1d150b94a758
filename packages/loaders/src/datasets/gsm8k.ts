/** GSM8K (Cobbe et al. 2021): grade-school problems, a JSON object a line with `question` and `answer`. Node only. */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { Tokenizer } from "../tokenizers/tokenizer.js";

const problemSchema = v.object({ question: v.string(), answer: v.string() });

export type Gsm8kProblem = v.InferOutput<typeof problemSchema>;

export interface Gsm8k {
  readonly train: readonly Gsm8kProblem[];
  readonly test: readonly Gsm8kProblem[];
}

/**
 * A folder with `train.jsonl` and `test.jsonl`, or one such file, of which the last tenth is the test split.
 *
 * @throws SstError `file-not-found`, or `file-corrupt` with file and line
 */
export async function readGsm8k(path: string): Promise<Gsm8k> {
  const { stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const information = await stat(path).catch(() => undefined);
  if (information === undefined) throw new SstError("file-not-found", `there is no file or folder "${path}"`);
  if (information.isDirectory()) {
    return { train: await readProblems(join(path, "train.jsonl")), test: await readProblems(join(path, "test.jsonl")) };
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
  // The question's last token may have grown together with the answer's first.
  const question = tokenizer.encode(gsm8kText({ ...problem, answer: "" }).trimEnd());
  const differs = tokens.findIndex((token, index) => token !== question[index]);
  return { tokens, answerStart: Math.max(1, differs < 0 ? tokens.length : differs) };
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
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new SstError("file-not-found", `${path} cannot be read`, { cause });
  });
  const lines = text.split("\n");
  return lines.flatMap((line, index) => (line.trim() === "" ? [] : [parseProblem(line, `${path}, line ${index + 1}`)]));
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
