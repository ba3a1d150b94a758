/**
 * The page of the search, from its JSON lines:
 * `node dist/search/search-page.js ../../docs/experiments/cotrain.jsonl > ../../docs/experiments/cotrain.md`.
 */
import { readFileSync } from "node:fs";
import { defaultSettings } from "../jobs.js";
import { type TrialResult, trials } from "./trials.js";

const results = readFileSync(process.argv[2] as string, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line) as TrialResult);

const { coTraining, pretraining, hiddenSize, numHiddenLayers, batchSize, questions } = defaultSettings;

process.stdout.write(`# Co-training on word problems: what was tried

\`apps/gsm8k-cotrain\` pretrains a plain transformer on short generated word problems, freezes it, and trains adapters on longer ones,
with the stream and without it: the same backbone, adapters, data, steps and seeds. Here are the settings that were tried in search of
a gain on problems that are longer than those in training. Each row but the first differs from the default in what its name says.

**The default.** Width ${hiddenSize}, ${numHiddenLayers} layers, the usual first weights, batches of ${batchSize}; ${pretraining.steps} steps of pretraining on up to ${pretraining.sentences} sentences, half of
the batches with the answer written after every sentence; then ${coTraining.steps} steps on 1 to ${coTraining.sentences} sentences by LoRA of rank ${coTraining.rank} on every linear
layer at ${coTraining.learningRate}, exact solver, alpha from ${coTraining.stateStream.alphaMin} to ${coTraining.stateStream.alphaMax} with thetas that start at ${coTraining.theta}. The story is \`boxes\`: a number modulo 5 that
sentences add to and take from ("she buys 2 ."). The answer is asked for after every sentence and never told. In \`cups\` a coin lies
under one of three cups that change places, in \`compass\` somebody looks in one of four directions and turns.

Share of right answers at the end of ${questions} fresh problems, by seed, at the longest trained length N and at one and a half times and
twice that length; the default on three seeds, the others on two. All figures are made by \`src/search/search.ts\`, this page by \`search-page.ts\` beside it, from \`cotrain.jsonl\`.

${table()}

**What carries a number over sentences:** gradients that reach back over words, and a blend that is free to grow. Each of the three
stories is then answered at the trained length, and mostly at twice that length, whether the answer is asked for after sentences or
after every word; half the steps are nearly enough, and one model for all three stories is behind. The exact solver does it, and so do
eight layerwise sweeps whose gradient flows through all of them. Adapters alone are right on what attention can add up at once, two or
three sentences, and guess beyond.

**What does not:** two passes, and two layerwise sweeps. Their gradient stops at the last one and so reaches back one position, where a
sentence has four words or more.

**The paper's range of alpha** makes it hard: what a word leaves of a state is at most a tenth of it, and the network has to bring it back
at every word. With small first weights (embeddings and attention outputs, so that a tenth of the state still counts) one seed of two
finds it, the other does not, whether the answer is asked for after sentences or words, in one story or another, in once or twice the
steps; with the usual first weights none does.

**Before these runs** the stories had longer sentences, multiplications in \`boxes\`, and the paper's range of alpha. Whatever was asked and
however problems grew, the stream got no further than four sentences (0.85 in \`cups\`, 0.33 by guessing; single runs).
`);

function table(): string {
  const head = ["", "N", "stream at N", "1.5 N", "2 N", "baseline at N", "1.5 N", "2 N", "guessing"];
  const rows = trials.flatMap(({ name, settings }) => {
    const own = results.filter(({ trial }) => trial === name).sort((left, right) => left.seed - right.seed);
    if (own.length === 0) return [];
    const reached = (variant: "stream" | "baseline") =>
      [0, 1, 2].map((set) => own.map(({ sets }) => sets[set]?.[variant].toFixed(2) ?? "").join(", "));
    const chance = own[0]?.chance.toFixed(2) ?? "";
    return [[name, String(settings.coTraining.sentences), ...reached("stream"), ...reached("baseline"), chance]];
  });
  const rule = head.map((_, column) => (column === 0 ? "---" : "--:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
