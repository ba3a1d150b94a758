/** Generated word problems: the text as a prompt, and what it comes to as the one word of the completion. */
import { drawWordProblems, type WordProblems, withSteps } from "@sst/loaders";
import type { Benchmark } from "../benchmark.js";

export interface WordProblemOptions {
  /** After the one that tells the state. */
  readonly sentences: number;
  /** How many problems; defaults to 1000. */
  readonly questions?: number;
  /** Defaults to 0. */
  readonly seed?: number;
  /** Writes the answer after every sentence but the last into the prompt. */
  readonly writtenSteps?: boolean;
}

/** Fresh problems of the test split. */
export function wordProblemBenchmark(problems: WordProblems, options: WordProblemOptions): Benchmark {
  const { sentences, questions = 1000, seed = 0, writtenSteps = false } = options;
  const drawn = drawWordProblems(problems, { seed, split: "test", index: 0, batchSize: questions, sentences });
  return {
    name: "word problems",
    settings: { sentences, seed, writtenSteps: Number(writtenSteps) },
    questions: drawn.map((problem, index) => {
      const right = problem.answers.at(-1)?.answer;
      return {
        id: String(index + 1),
        prompt: (writtenSteps ? withSteps(problem).slice(0, -1) : problem.words).join(" "),
        judge: (completion) => ({ answer: completion, correct: completion === right }),
      };
    }),
    maxNewTokens: 1,
    stopTexts: [],
  };
}
