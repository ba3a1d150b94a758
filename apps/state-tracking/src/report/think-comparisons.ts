/** The runs of "think longer", sorted by task and variant. */
import type { Results } from "../results.js";
import { type ThinkVariant, thinkVariants } from "../think-longer/recipes.js";
import type { ThinkResult } from "../think-longer/result.js";

export interface Thinking {
  readonly task: string;
  readonly form: ThinkResult["form"];
  readonly nodes: number;
  readonly hops: number;
  readonly runs: Readonly<Record<ThinkVariant, readonly ThinkResult[]>>;
}

export function thinkingOf({ thinking }: Results): Thinking[] {
  const tasks = [...new Set(thinking.map(({ task }) => task))];
  return tasks.map((task) => {
    const own = thinking.filter((run) => run.task === task);
    const { form, nodes, hops } = own[0] as ThinkResult;
    const runs = thinkVariants.map((variant) => [variant, own.filter((run) => run.variant === variant)]);
    return { task, form, nodes, hops, runs: Object.fromEntries(runs) };
  });
}

/** Accuracy after so many iterations, one figure a seed. */
export function evaluatedShare({ runs }: Thinking, variant: ThinkVariant, depth: number): number[] {
  return runs[variant].flatMap(({ accuracyByDepth }) => accuracyByDepth[depth - 1] ?? []);
}

/**
 * What a model would reach that makes one hop in each iteration and answers with the node where it is: right for k hops after
 * i < k of them where the start lies on a cycle whose length divides k - i, and in a random permutation each length from 1 to
 * `nodes` is as likely.
 */
export function oneHopEach(nodes: number, hops: { readonly from: number; readonly to: number }, depth: number): number {
  let total = 0;
  for (let asked = hops.from; asked <= hops.to; asked++) {
    const left = asked - Math.min(asked, depth);
    total += left === 0 ? 1 : divisorsUpTo(left, nodes) / nodes;
  }
  return total / (hops.to - hops.from + 1);
}

function divisorsUpTo(number: number, largest: number): number {
  const candidates = Array.from({ length: Math.min(number, largest) }, (_, index) => index + 1);
  return candidates.filter((divisor) => number % divisor === 0).length;
}
