/** What the page says. The sentences were written when the figures were known; the figures in them come from the results. */
import type { PolicyRow, StudyResult } from "./result.js";
import type { Family } from "./settings.js";

export interface StudyText {
  readonly title: string;
  /** What there is one more of in a question that needs an iteration more. */
  readonly unit?: string;
  readonly text: string;
  readonly verdict: (result: StudyResult) => string;
}

export const familyNames: Readonly<Record<Family, string>> = {
  fixed: "`fixed`",
  untilConverged: "`untilConverged`",
  "untilDecided, entropy": "`untilDecided` by entropy",
  "untilDecided, change": "`untilDecided` by change",
  "probed, survival": "`probed` by survival",
  "probed, gain": "`probed` by gain",
  custom: "`custom`",
};

export const introduction = `A [deliberation policy](../packages/infer/README.md#deliberation-policies) says after each iteration at a position whether it was the
last one. Here every policy is measured at several settings on four small tasks: how often the answer is right, and what it costs in
iterations and in floating-point operations. The models run in a \`Session\`, as in a program; the operations are those that
\`generation-end\` reports, of the position that gives the answer. Three seeds, 500 fresh questions each, which all policies are asked;
intervals are 95 % by bootstrap over these questions, the three models being given (where all 1,500 answers are right, an error rate of
up to 0.2 % is possible). CPU backend, width 32 or 64, two layers, one token of answer.

Made by \`apps/state-tracking/src/policies\`, after a build, in that app's folder (ten to twenty minutes on one core):

\`\`\`sh
SST_THREADS=1 node dist/policies/measure.js ../../docs/experiments/policies.jsonl   # skips what the file has
node dist/policies/page.js ../../docs/experiments/policies.jsonl ../../docs         # this page and its pictures
\`\`\`

All but the times came out the same when it was run twice.

**In short.** Where questions need different numbers of iterations and the model was trained for each of them, policies that look at
the _change_ from one iteration to the next (of states, of the distribution, or of the likeliest token) keep the accuracy and save a
sixth to a fifth of the operations. Where one iteration is enough, \`fixed(1)\` is as good as anything and cheaper than most. No policy makes up for
a maximum beyond the trained depth. Confidence (entropy) is no sign of being done: these models are sure of every
intermediate answer. And the operations that are saved are not time that is saved, not in models this small (see
[below](#what-the-counts-leave-out)).

The policies: \`fixed\`; \`untilConverged\` by its tolerance; \`untilDecided\` by entropy, and by change (Kullback-Leibler), both in nats;
\`probed\` by its threshold, with two probes fitted on 1,000 other questions where what they predict occurs at least 20 times: _survival_,
the paper's, predicts that an answer which is right after one iteration stays right, and _gain_, ours, that an answer is wrong after one
iteration and right after the maximum; and as a \`custom\` one "the same likeliest token twice, more probable than the next one by a margin".
In the pictures the orange line is \`fixed\`, with its iterations beside the points; the other policies have the trained depth as their
maximum (4 on S3). In the tables below each policy has the cheapest of its settings that comes within one point of the trained depth's accuracy, or
the most accurate if none does; it is chosen by the same questions, so take it as what is there to be had. [All settings](#all-settings) are at the end.`;

export const studyTexts: Readonly<Record<string, StudyText>> = {
  s3: {
    title: "S3, trained with one iteration",
    text: `The state-tracking model of \`npm start\`: 16 permutations of three things, and what they come to. It was trained without iterations; the accuracies at
fixed depths are those of applying the last permutation once more each time (1, 1/6, 2/3, 1/2).`,
    verdict: (
      result,
    ) => `Nothing is to be gained: \`fixed(1)\` has ${figure(at(result, "fixed", "1").accuracy)}, and iterating loses. What looks
at a change needs two iterations to see one; it stops there where the last permutation moves nothing, a sixth of the questions, and goes to the maximum
with the others (${figure(at(result, "custom", "margin 0").accuracy)}). Entropy stops at the first
iteration if its bound is not too tight (0.01 nats is: ${figure(at(result, "untilDecided, entropy", "nats 0.01").accuracy)}). The survival probe never loses from a threshold of 0.5 on, and never gains:
where it goes deep the answer stays what it was (${at(result, "probed, survival", "threshold 0.5").iterations.toFixed(2)} iterations at 0.5).`,
  },
  "s3-iterated": {
    title: "S3, trained with 1 to 4 iterations",
    text: `The same model, three times the steps, with 1 to 4 iterations at the last answer, drawn for each step, all of them asked for the answer: what a
model looks like that iterations do not harm.`,
    verdict: (
      result,
    ) => `Right at every depth (${figure(at(result, "fixed", "4").accuracy)} after four), so every policy is right, and the cheapest is again one iteration. Change costs twice
that, entropy nothing beside it. Probes have nothing to learn from: hardly any answer breaks, none is gained.`,
  },
  "k-hop": {
    title: "k-hop, 1 to 4 hops",
    unit: "hop",
    text: `The model of \`npm start\` that [thinks longer](experiments/deliberation.md): a new table a → f(a) in every question, and what f applied 1 to 4 times to a
start gives. With recirculation, one lookup an iteration, trained up to 4. A policy that knew the number of hops would take 2.5
iterations in the mean.`,
    verdict: (
      result,
    ) => `Here policies help. The change of the distribution is a clear sign, at any bound from 0.01 to 4 nats: ${figure(at(result, "untilDecided, change", "nats 1").accuracy)} in
${at(result, "untilDecided, change", "nats 1").iterations.toFixed(2)} iterations, half an iteration more than knowing the hops, since sameness is seen one iteration later. The same likeliest token
twice is as good. The states' change says it a little later (${at(result, "untilConverged", "tolerance 1").iterations.toFixed(2)} iterations at a tolerance of 1), but makes
logits once and not after every iteration: in operations it is the cheapest by a little. Entropy fails: after one iteration the model is as sure of the first
node as it is of the last, so a bound stops at once, or, tight enough, never; in between it is no better than \`fixed\` at the same cost. \`fixed\` with fewer iterations loses a hop's share of the questions for each. The gain probe, which
has to tell the hops from the first iteration's states, is between (${figure(at(result, "probed, gain", "threshold 0.3").accuracy)} in ${at(result, "probed, gain", "threshold 0.3").iterations.toFixed(2)} at a threshold of 0.3); the survival
probe asks the wrong question, goes deep first where one hop was enough, and is worse than \`fixed\` of the same cost.`,
  },
  "word-problems": {
    title: "Word problems of 1 to 4 sentences",
    unit: "sentence",
    text: `Text: "mia has 3 loose eggs . she buys 2 . mia loses 4 .", a number modulo 5, told by one sentence and changed by 1 to 4 more, and the answer one word. The
stream, in the paper's range of alpha and started as usual, carries no number here; the end of the problem iterates, with recirculation, and is
asked after iteration i for what the first i sentences come to (3,000 steps; every seed learns it). Problems of one sentence are so few
(1,280) that training has seen them; longer ones are fresh.`,
    verdict: (
      result,
    ) => `As on k-hop. By change, of the distribution or of the likeliest token, ${figure(at(result, "untilDecided, change", "nats 1").accuracy)} in ${at(result, "untilDecided, change", "nats 1").iterations.toFixed(2)} iterations, what \`fixed(4)\` reaches; the states' change
comes close in as many (${figure(at(result, "untilConverged", "tolerance 1").accuracy)}). The gain probe does as well here (${figure(at(result, "probed, gain", "threshold 0.3").accuracy)} in ${at(result, "probed, gain", "threshold 0.3").iterations.toFixed(2)} at 0.3), in another way: it tells problems of one sentence, which
need no second iteration, from the others, which get all four. Entropy fails at every bound (0.001 nats: ${figure(at(result, "untilDecided, entropy", "nats 0.001").accuracy)}), the survival probe too.`,
  },
};

export const maximumHeading = `## A maximum that is too large

The same settings with a maximum of twice the trained depth. \`fixed(4)\` is no longer part of the answer, the policy has to know by itself.`;

export const maximumVerdict = `None keeps its accuracy. After the fourth iteration, the last that was trained, comes a fifth that says something else; so what looks at a change goes past the
right answer of questions that need all four, and is lost. Questions that need fewer have two trained iterations that agree, and stay right. **Give a policy the trained
depth as its maximum**; that, and not the policy, is what ends the hardest questions.`;

/** What is not in the operations: how long it takes. */
export function costs(results: readonly StudyResult[]): string {
  const result = results.find(({ study }) => study === "k-hop");
  const times = (family: Family, setting: string) => result && at(result, family, setting).durationMs.toFixed(2);
  return `## What the counts leave out

Counted are matrix products, attention and blends ([\`positionFlops\`, \`headFlops\`](../packages/layers/README.md#deliberation)), logits as often as they are made. Not counted:
norms and activations, what a policy computes from what it sees, and reading that back from the device. A known number of iterations runs as
one recorded plan. When these figures were taken, a policy that looks on ran call by call, and in models as small as these that was most of the
time: on k-hop the median answer took ${times("fixed", "4")} ms by \`fixed(4)\`, ${times("untilDecided, change", "nats 1")} ms by change and ${times("untilConverged", "tolerance 1")} ms by the states, on one thread of a shared machine.
Since then each iteration that is looked at is a run of a recorded plan too; the figures were not taken
again. Saved operations become saved time where an iteration takes longer than looking at it.`;
}

export const allNote = `Accuracy less that of the trained depth is on the same questions, with its own interval. Milliseconds are medians of the generation alone; the
machine had other work to do, so compare them within a table and not by their last digit.`;

function at({ study, rows, trainedDepth }: StudyResult, family: Family, setting: string): PolicyRow {
  const maximum = family === "fixed" ? Number(setting) : Math.max(4, trainedDepth);
  const row = rows.find((each) => each.family === family && each.setting === setting && each.maximum === maximum);
  if (row === undefined) throw new Error(`${study} has no row of ${family}, ${setting}, with a maximum of ${maximum}`);
  return row;
}

function figure(accuracy: number): string {
  return accuracy.toFixed(3);
}
