/** GSM8K with answers in text, and with answers as programs (CodeACT): the model writes Python, and what it prints counts. */
import { type Gsm8k, type Gsm8kProblem, gsm8kAnswer, gsm8kProgram } from "@sst/loaders";
import { Random, SstError } from "@sst/tensor";
import type { Benchmark, Question, Verdict } from "../benchmark.js";
import type { PythonSandbox } from "../python/python-sandbox.js";
import { lastNumber, markedNumber, sameNumber } from "./numbers.js";

export interface Gsm8kOptions {
  /** Solved problems of the training split before each question; defaults to 0. */
  readonly shots?: number;
  /** Draws the solved problems; defaults to 0. */
  readonly seed?: number;
  /** Defaults to 256. */
  readonly maxNewTokens?: number;
}

/** The answer stands after `####`, as in the data set, or is the last number of the completion. */
export function gsm8kBenchmark(data: Gsm8k, options: Gsm8kOptions = {}): Benchmark {
  const asText = ({ question, answer }: Gsm8kProblem) => `${opening(question)}${answer}\n\n`;
  const opening = (question: string) => `Question: ${question}\nAnswer: `;
  return benchmarkOf("gsm8k", data, options, asText, (problem) => ({
    prompt: opening(problem.question).trimEnd(),
    judge: (completion) => verdict(problem, markedNumber(completion) ?? lastNumber(completion)),
  }));
}

/**
 * The completion is a Python program, from its start or from a fence to the next fence; the answer is the last number that
 * it prints. A program that raises, loops, prints or allocates without end, or tries to get out, is a wrong answer.
 */
export function gsm8kCodeBenchmark(data: Gsm8k, sandbox: PythonSandbox, options: Gsm8kOptions = {}): Benchmark {
  const opening = (question: string) => `Question: ${question}\nProgram:\n\`\`\`python\n`;
  const asProgram = (problem: Gsm8kProblem) => {
    const program = gsm8kProgram(problem);
    return program && `${opening(problem.question)}${program}\`\`\`\n\n`;
  };
  return benchmarkOf("gsm8k-code", data, options, asProgram, (problem) => ({
    prompt: opening(problem.question),
    judge: async (completion) => {
      const { outcome, output } = await sandbox.run(programIn(completion));
      const answer = outcome === "finished" ? lastNumber(output) : undefined;
      return { ...verdict(problem, answer), detail: outcome };
    },
  }));
}

/** The program in a completion: what stands in its first fence, else all up to a closing fence. */
export function programIn(completion: string): string {
  const fenced = /```(?:python|py)?[ \t]*\n([\s\S]*?)(?:```|$)/.exec(completion);
  const before = completion.split("```")[0] as string;
  return before.trim() === "" && fenced ? (fenced[1] as string) : before;
}

function benchmarkOf(
  name: string,
  data: Gsm8k,
  { shots = 0, seed = 0, maxNewTokens = 256 }: Gsm8kOptions,
  solved: (problem: Gsm8kProblem) => string | undefined,
  asked: (problem: Gsm8kProblem) => Pick<Question, "prompt" | "judge">,
): Benchmark {
  const examples = drawExamples(data.train, shots, seed, solved);
  const questions = data.test.map((problem, index) => {
    const { prompt, judge } = asked(problem);
    return { id: `test-${index + 1}`, prompt: examples + prompt, judge };
  });
  // A model that goes on with a question of its own has given its answer.
  const stopTexts = ["\nQuestion:"];
  return { name, settings: { shots, maxNewTokens, ...(shots > 0 && { seed }) }, questions, maxNewTokens, stopTexts };
}

function drawExamples(
  train: readonly Gsm8kProblem[],
  shots: number,
  seed: number,
  solved: (problem: Gsm8kProblem) => string | undefined,
): string {
  const random = new Random(`gsm8k-shots/${seed}`);
  const left = train.map((_, index) => index);
  const examples: string[] = [];
  while (examples.length < shots) {
    if (left.length === 0) {
      throw new SstError(
        "invalid-argument",
        `the training split has only ${examples.length} problems to show, not ${shots}: ask for fewer shots`,
      );
    }
    const [index] = left.splice(random.integer(left.length), 1);
    const example = solved(train[index as number] as Gsm8kProblem);
    if (example !== undefined) examples.push(example);
  }
  return examples.join("");
}

function verdict(problem: Gsm8kProblem, answer: string | undefined): Verdict {
  const right = gsm8kAnswer(problem);
  return {
    answer: answer ?? null,
    correct: answer !== undefined && right !== undefined && sameNumber(answer, right),
  };
}
