/** Word problems as a model that thinks longer learns them: the end of a problem iterates, a sentence more each time. */
import { drawWordProblems, type WordProblemBatchOptions, type WordProblems } from "@sst/loaders";
import type { Batch } from "@sst/train";

/**
 * Problems of one number of sentences, all of one length. At a problem's end iteration i is asked what the first i sentences come
 * to; the sentences before it, which are read once, are asked for what the first comes to.
 *
 * @param stages iterations that there are labels for
 */
export function stagedProblems(problems: WordProblems, options: WordProblemBatchOptions, stages: number): Batch {
  const { vocabulary } = problems;
  const drawn = drawWordProblems(problems, options);
  const batchSize = drawn.length;
  const time = 1 + (drawn[0]?.words.length ?? 0);
  const tokens = new Int32Array(batchSize * time).fill(vocabulary.startToken);
  const labels = new Int32Array(batchSize * time).fill(-1);
  const stagedLabels = Array.from({ length: stages }, () => labels.slice());
  for (const [row, { words, answers }] of drawn.entries()) {
    tokens.set(
      words.map((word) => vocabulary.id(word)),
      row * time + 1,
    );
    const told = answers.map(({ answer }) => vocabulary.id(answer));
    const after = (sentences: number) => told[Math.min(sentences, told.length - 1)] as number;
    for (const [sentence, { after: word }] of answers.entries()) {
      const isEnd = sentence === answers.length - 1;
      const position = row * time + 1 + word;
      labels[position] = after(isEnd ? sentence : Math.min(1, sentence));
      for (const [stage, asked] of stagedLabels.entries()) {
        asked[position] = after(isEnd ? stage + 1 : Math.min(1, sentence));
      }
    }
  }
  return { batchSize, time, tokens, labels, stagedLabels };
}
