/** What a probe learns from: the states at the first generated position, and whether the answer survived more iterations. */
import { SstError } from "@sst/tensor";
import type { Benchmark } from "../benchmark.js";
import type { Evaluation } from "../evaluate.js";
import type { Subject } from "../subject.js";
import { type FirstPosition, readFirstPosition } from "./first-position.js";

export interface ProbeSample extends FirstPosition {
  readonly promptTokens: readonly number[];
  /** The answer, right at depth 1, was right at every other depth of the evaluation. */
  readonly survived: boolean;
}

/**
 * One sample for each question that the model answers right at depth 1.
 *
 * @param evaluation of the same benchmark, at depth 1 and others
 * @throws SstError `contradiction` for an evaluation without such depths, or a model without a stream
 */
export async function probeSamples(
  subject: Subject,
  benchmark: Benchmark,
  { depths }: Evaluation,
): Promise<ProbeSample[]> {
  const first = depths.find(({ name }) => name === "depth 1");
  const deeper = depths.filter((row) => row !== first);
  if (first === undefined || deeper.length === 0 || subject.model.config.stateStream === undefined) {
    throw new SstError("contradiction", "a probe needs a model with a stream, evaluated at depth 1 and at others");
  }
  const weights = subject.model.weights();
  const samples: ProbeSample[] = [];
  try {
    for (const [index, isRight] of first.verdicts.entries()) {
      if (!isRight) continue;
      const prompt = benchmark.questions[index]?.prompt as string;
      const promptTokens = subject.codec.encode(prompt);
      const read = await readFirstPosition(weights, promptTokens);
      samples.push({ ...read, promptTokens, survived: deeper.every(({ verdicts }) => verdicts[index]) });
    }
  } finally {
    weights.dispose();
  }
  return samples;
}
