/** GPQA-Diamond: a letter to choose. Its order is shuffled, so that no letter is the right one more often. */
import { type GpqaQuestion, gpqaQuestion } from "@sst/loaders";
import type { Benchmark } from "../benchmark.js";

export interface GpqaOptions {
  /** Shuffles the answers of each question; defaults to 0. */
  readonly seed?: number;
  /** Defaults to 256. */
  readonly maxNewTokens?: number;
}

export function gpqaBenchmark(data: readonly GpqaQuestion[], options: GpqaOptions = {}): Benchmark {
  const { seed = 0, maxNewTokens = 256 } = options;
  const questions = data.map((question) => {
    const { prompt, letter: right } = gpqaQuestion(question, seed);
    return {
      id: question.id,
      prompt,
      judge: (completion: string) => {
        const answer = letterIn(completion);
        return { answer: answer ?? null, correct: answer === right };
      },
    };
  });
  return {
    name: "gpqa-diamond",
    settings: { seed, maxNewTokens },
    questions,
    maxNewTokens,
    stopTexts: ["\nQuestion:"],
  };
}

/** What the completion calls its answer, the last time that it does; else the letter that it begins with. */
export function letterIn(completion: string): string | undefined {
  const named = [...completion.matchAll(/answer\s*(?:is|:|=)?\s*[:*]*\s*\(?([A-D])\b/gi)].at(-1)?.[1];
  return (named ?? /^[\s*(]*([A-D])\b/.exec(completion)?.[1])?.toUpperCase();
}
