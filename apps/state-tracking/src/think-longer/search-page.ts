/**
 * The page of the search, from its JSON lines:
 * `node dist/think-longer/search-page.js ../../docs/experiments/deliberation.jsonl > ../../docs/experiments/deliberation.md`.
 */
import { readFileSync } from "node:fs";
import type { ThinkRecipe } from "./recipes.js";
import { type Trial, type TrialResult, trials } from "./trials.js";

/** What depth has to bring, so that stopping early is a question at all. */
const LEARNED = 0.1;

const results = readFileSync(process.argv[2] as string, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line) as TrialResult);

const sections: readonly { readonly group: Trial["group"]; readonly title: string; readonly text: string }[] = [
  {
    group: "full",
    title: "16 nodes, 1 to 8 hops",
    text: "The prototype's size, each entry of the table one symbol (`npm start -- --think-longer full`).",
  },
  {
    group: "small",
    title: "8 nodes, 1 to 4 hops",
    text: "What `npm start` runs.",
  },
  {
    group: "asking",
    title: "What has to be asked",
    text: "The small recipe with recirculation and more time for each depth, asked otherwise. By stages, iteration i is asked for the node after i hops. Where only final answers are asked for, the question is whether a curriculum does what the stages do. It does where the hops that are asked for grow with the depth; where depth alone grows, or everything is asked for at once, nothing is gained from iterating. If depth and hops are drawn anew for each step, up to that growing depth, each iteration learns a hop as by stages, the last one less well; if the depth is always the full one of its time, only that depth is right.",
  },
  {
    group: "tokens",
    title: "The table in tokens",
    text: "Each entry two symbols, as a language model sees them (`npm start -- --think-longer tokens`). Here the second symbol of an entry has to find the first one before anything can be looked up, so entries are asked back as well: at the second symbol, which one came before it. Without small tables first, 2,000 steps did not teach the first hop (one seed).",
  },
];

process.stdout.write(`# Training a model to think longer

Every sequence of k-hop brings a new table a → f(a), a number of hops k and a start s, and asks for f applied k times to s. Two layers;
only the last position iterates; with recirculation an iteration starts from what the one before left at the top. All models learn
lookups first: tables begin with two entries and grow, and in all sizes but the small one there are several questions after a table,
of which all but the last are asked for one hop (a model without iterations is asked for the answers of all). Accuracy on 1,000 fresh
sequences by number of iterations, the trained depth in bold; deeper ones were never trained. A model without iterations is trained
with as many floating-point operations as the one with recirculation. All figures are made by
\`apps/state-tracking/src/think-longer/search.ts\`, this page by \`search-page.ts\` beside it, from \`deliberation.jsonl\`.

${sections.map(section).filter(Boolean).join("\n")}`);

function section({ group, title, text }: (typeof sections)[number]): string {
  const own = results.filter((each) => each.group === group);
  if (own.length === 0) return "";
  const names = trials.filter((trial) => trial.group === group);
  const rows = names.flatMap(({ name, recipe }) =>
    own.filter(({ trial }) => trial === name).map(({ result }) => row(name, recipe, result)),
  );
  const deepest = Math.max(...own.map(({ result }) => result.accuracyByDepth.length));
  const depths = Array.from({ length: deepest }, (_, index) => String(index + 1));
  const head = ["", "seed", ...depths, "more hops, after as many", "steps", "GFLOP"];
  const lines = [
    head,
    head.map((_, index) => (index === 0 ? "---" : "--:")),
    ...rows.map((each) => pad(each, head.length)),
  ];
  const table = lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return `## ${title}\n\n${text}\n\n${table}\n${halting(own)}`;

  function pad(cells: readonly string[], length: number): string[] {
    const [name, seed, ...rest] = cells as [string, string, ...string[]];
    const tail = rest.slice(-3);
    const accuracies = rest.slice(0, -3);
    return [name, seed, ...accuracies, ...Array.from({ length: length - 5 - accuracies.length }, () => ""), ...tail];
  }
}

function row(name: string, recipe: ThinkRecipe, result: TrialResult["result"]): string[] {
  const accuracies = result.accuracyByDepth.map((accuracy, index) =>
    index + 1 === recipe.hops ? `**${accuracy.toFixed(2)}**` : accuracy.toFixed(2),
  );
  const { to, accuracyByDepth } = result.beyond;
  const beyond = accuracyByDepth[Math.min(to, accuracyByDepth.length) - 1]?.toFixed(2) ?? "";
  return [name, String(result.seed), ...accuracies, beyond, String(result.steps), (result.flops / 1e9).toFixed(0)];
}

/** What halting rules reach, of the models with recirculation that have learned their task. */
function halting(own: readonly TrialResult[]): string {
  const gain = ({ accuracyByDepth, hops }: TrialResult["result"]) =>
    (accuracyByDepth[hops - 1] as number) - (accuracyByDepth[0] as number);
  const learned = own.filter(
    ({ trial, result }) => trial === "with recirculation" && result.halting && gain(result) > LEARNED,
  );
  if (learned.length === 0) return "";
  const rules = learned[0]?.result.halting?.map(({ rule }) => rule) ?? [];
  const lines = rules.map((rule) => {
    const reached = learned.map(({ result }) => {
      const { accuracy, meanIterations } = result.halting?.find((each) => each.rule === rule) ?? {
        accuracy: Number.NaN,
        meanIterations: Number.NaN,
      };
      return `${accuracy.toFixed(3)} in ${meanIterations.toFixed(2)}`;
    });
    return `| ${rule} | ${reached.join(" | ")} |`;
  });
  const full = learned.map(
    ({ result }) => `${(result.accuracyByDepth[result.hops - 1] ?? 0).toFixed(3)} in ${result.hops}`,
  );
  const head = ["With recirculation, stopping", ...learned.map(({ result }) => `seed ${result.seed}`)];
  return `\nAccuracy and mean iterations of halting rules:\n\n| ${head.join(" | ")} |\n| ${head.map(() => "---").join(" | ")} |\n| at the trained depth | ${full.join(" | ")} |\n${lines.join("\n")}\n`;
}
