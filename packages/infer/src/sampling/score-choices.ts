/** Ranking whole answers by how likely a model finds them. */
import { SstError } from "@sst/tensor";

export interface ChoiceScores {
  /** The answer of the highest score, by its index; of equal ones the first. */
  readonly best: number;
  /** The logarithm of each answer's probability, or its mean over the answer's tokens. */
  readonly scores: readonly number[];
  /** The scores' softmax: with sums the probability of each answer, given that it is one of these. */
  readonly probabilities: readonly number[];
}

/**
 * Unlike a choice token by token, this weighs every answer to its end.
 *
 * @param logProbabilities of each answer's tokens, each after the ones before it
 * @param by `"sum"`, or `"mean"`, which does not favour short answers; defaults to `"sum"`
 * @throws SstError `invalid-argument` for no answers or an empty one, `not-finite` for a NaN
 */
export function scoreChoices(
  logProbabilities: readonly (readonly number[])[],
  by: "sum" | "mean" = "sum",
): ChoiceScores {
  if (logProbabilities.length === 0) throw new SstError("invalid-argument", "there are no answers to choose from");
  const scores = logProbabilities.map((each, index) => {
    if (each.length === 0) throw new SstError("invalid-argument", `answer ${index} has no tokens`);
    const sum = each.reduce((left, right) => left + right, 0);
    if (Number.isNaN(sum))
      throw new SstError("not-finite", `answer ${index} has a log-probability that is not a number`);
    return by === "sum" ? sum : sum / each.length;
  });
  const best = scores.reduce((first, score, index) => (score > (scores[first] as number) ? index : first), 0);
  const largest = scores[best] as number;
  if (largest === Number.NEGATIVE_INFINITY) throw new SstError("not-finite", "none of the answers is possible");
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((left, right) => left + right, 0);
  return { best, scores, probabilities: weights.map((weight) => weight / total) };
}
