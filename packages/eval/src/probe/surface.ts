/**
 * What can be told from the prompt's surface, without running the model: how often each token occurs, the last tokens one by
 * one and together, and the length. A probe has to beat this.
 */

/** Endings of the prompt that are features as a whole, in tokens. */
const LONGEST_ENDING = 5;
/** Features that occur less often are left out. */
const LEAST_OCCURRENCES = 5;
const MOST_FEATURES = 500;

/** A row of features per prompt; the commonest features where there are too many. */
export function surfaceFeatures(prompts: readonly (readonly number[])[]): number[][] {
  const found = prompts.map(featuresOf);
  const occurrences = new Map<string, number>();
  for (const features of found) {
    for (const name of features.keys()) occurrences.set(name, (occurrences.get(name) ?? 0) + 1);
  }
  const names = [...occurrences.entries()]
    .filter(([, count]) => count >= LEAST_OCCURRENCES)
    .sort(([left, leftCount], [right, rightCount]) => rightCount - leftCount || (left < right ? -1 : 1))
    .slice(0, MOST_FEATURES)
    .map(([name]) => name);
  return found.map((features) => names.map((name) => features.get(name) ?? 0));
}

function featuresOf(prompt: readonly number[]): Map<string, number> {
  const features = new Map<string, number>([["length", prompt.length]]);
  for (const token of prompt) features.set(`count ${token}`, (features.get(`count ${token}`) ?? 0) + 1);
  for (let size = 1; size <= Math.min(LONGEST_ENDING, prompt.length); size++) {
    features.set(`at -${size}: ${prompt.at(-size)}`, 1);
    features.set(`ending ${prompt.slice(-size).join()}`, 1);
  }
  return features;
}
