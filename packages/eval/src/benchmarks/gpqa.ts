/** GPQA-Diamond: a letter to choose. Its order is shuffled, so that no letter is the right one more often. */
import type { GpqaQuestion } from "@sst/loaders";
import { Random } from "@sst/tensor";
import type { Benchmark } from "../benchmark.js";

export interface GpqaOptions {
  /** Shuffles the answers of each question; defaults to 0. */
  readonly seed?: number;
  /** Defaults to 256. */
  readonly maxNewTokens?: number;
}

const letters = ["A", "B", "C", "D"] as const;

export function gpqaBenchmark(data: readonly GpqaQuestion[], options: GpqaOptions = {}): Benchmark {
  const { seed = 0, maxNewTokens = 256 } = options;
  const questions = data.map(({ id, question, correct, incorrect }) => {
    const answers = new Random(`gpqa/${seed}/${id}`).shuffled([correct, ...incorrect]);
    const right = letters[answers.indexOf(correct)];
    const choices = answers.map((answer, index) => `${letters[index]}. ${answer}\n`).join("");
    return {
      id,
      prompt: `Question: ${question}\n${choices}Answer:`,
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
