/** Batches of word problems: of one number of sentences each, the shorter texts filled up at their end. */
import { Random } from "@sst/tensor";
import type { TaskBatch } from "./task-batch.js";
import type { WordProblem, WordProblems } from "./word-problems.js";

export interface WordProblemBatchOptions {
  readonly seed: number | string;
  /** Splits are independent streams: what is tested was not drawn for training. */
  readonly split: "train" | "validation" | "test";
  /** Which batch of the split. */
  readonly index: number;
  readonly batchSize: number;
  /** Sentences after the one that tells the state. */
  readonly sentences: number;
}

/** The problems of a batch; the same options give the same ones. */
export function drawWordProblems(problems: WordProblems, options: WordProblemBatchOptions): WordProblem[] {
  const { seed, split, index, batchSize, sentences } = options;
  const random = new Random(`word-problems/${seed}/${split}/${sentences}/${index}`);
  return Array.from({ length: batchSize }, () => problems.sample(random, sentences));
}

/** Where an answer is asked for: after every sentence, or after every word, there for what the sentences before it come to. */
export type AskedAfter = "sentences" | "words";

/** The answer asked for as the text goes on, and never told. */
export function answerBatch(problems: WordProblems, drawn: readonly WordProblem[], asked: AskedAfter): TaskBatch {
  return batchOf(
    problems,
    drawn.map(({ words, answers }) => {
      const answerAfter = new Map(answers.map(({ after, answer }) => [after, answer]));
      let last: string | undefined;
      const next = words.map((_, index) => {
        const answer = answerAfter.get(index);
        last = answer ?? last;
        return asked === "words" ? last : answer;
      });
      return { words, next };
    }),
  );
}

/** The text with its steps written out, the answer after every sentence; asked for is the next word, everywhere. */
export function writtenStepsBatch(problems: WordProblems, drawn: readonly WordProblem[]): TaskBatch {
  return batchOf(
    problems,
    drawn.map((problem) => {
      const words = withSteps(problem);
      return { words, next: words.map((_, index) => words[index + 1]) };
    }),
  );
}

/** The words with the answer after every sentence. */
export function withSteps({ words, answers }: WordProblem): string[] {
  const answerAfter = new Map(answers.map(({ after, answer }) => [after, answer]));
  return words.flatMap((word, index) => [word, answerAfter.get(index) ?? []].flat());
}

interface LabelledWords {
  readonly words: readonly string[];
  /** Asked for after each word; undefined where nothing is. */
  readonly next: readonly (string | undefined)[];
}

function batchOf({ vocabulary }: WordProblems, rows: readonly LabelledWords[]): TaskBatch {
  const time = Math.max(...rows.map(({ words }) => words.length)) + 1;
  const tokens = new Int32Array(rows.length * time).fill(vocabulary.startToken);
  const labels = new Int32Array(rows.length * time).fill(-1);
  for (const [row, { words, next }] of rows.entries()) {
    for (const [index, word] of words.entries()) {
      tokens[row * time + index + 1] = vocabulary.id(word);
      const answer = next[index];
      if (answer !== undefined) labels[row * time + index + 1] = vocabulary.id(answer);
    }
  }
  return { batchSize: rows.length, time, tokens, labels };
}
