/** The models that deliberation policies are measured on, and what they are asked. */
import { DecoderModel, initializeModel, paperAlpha, smallDecoder } from "@sst/layers";
import { createTask, drawWordProblems, type HopTask, hopBatch, taskBatch, WordProblems } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { drawnIterations, Trainer } from "@sst/train";
import { type Recipe, scratchRecipes } from "../experiments.js";
import { LossCurve } from "../loss-curve.js";
import { trainFromScratch } from "../run.js";
import { batchSize } from "../sizes.js";
import { taskOf } from "../think-longer/job.js";
import { thinkRecipes } from "../think-longer/recipes.js";
import { trainThinker } from "../think-longer/run.js";
import { stagedProblems } from "./staged-problems.js";

/** A prompt, and the one token that is right after it. */
export interface Question {
  readonly prompt: readonly number[];
  readonly answer: number;
  /** Iterations after which a model that was trained for it knows: hops, sentences; 1 where nothing was trained to take longer. */
  readonly needed: number;
}

export interface Study {
  readonly name: string;
  /** Most iterations in training. */
  readonly trainedDepth: number;
  /** What `fixed` is measured up to, and the most iterations of every other policy, each by itself. */
  readonly maxima: readonly number[];
  /** Of guessing. */
  readonly chance: number;
  train(seed: number): Promise<DecoderModel>;
  /** Validation is what probes are fitted on. */
  questions(seed: number, split: "validation" | "test", count: number): Question[];
}

const s3 = scratchRecipes.find(({ task }) => task === "s3") as Recipe;
const [hops] = thinkRecipes.small as [(typeof thinkRecipes.small)[number]];
const problems = new WordProblems(["boxes"]);
const sentences = 4;

/** A sum over sentences, one more for each iteration; found by trying, with the ways of teaching that k-hop needs. */
const problemRecipe = {
  ...{ hiddenSize: 64, steps: 3000, learningRate: 4e-3 },
  iterations: [
    { from: 0, count: 1 },
    { from: 300, count: 2 },
    { from: 900, count: 3 },
    { from: 1700, count: 4 },
  ],
} as const;

export const studies: readonly Study[] = [
  stateTracking("s3", 1),
  stateTracking("s3-iterated", 4),
  {
    name: "k-hop",
    trainedDepth: hops.hops,
    maxima: [hops.hops, 2 * hops.hops],
    chance: 1 / hops.nodes,
    train: (seed) => trainThinker(hops, taskOf(hops), seed, "recirculation", silent()),
    questions: (seed, split, count) => hopQuestions(taskOf(hops), seed, split, count),
  },
  {
    name: "word-problems",
    trainedDepth: sentences,
    maxima: [sentences, 2 * sentences],
    chance: problems.chance,
    train: trainOnProblems,
    questions: problemQuestions,
  },
];

/** The model of `npm start`, trained as there, or with 1 to so many iterations at the last answer, each asked for it. */
function stateTracking(name: string, trainedDepth: number): Study {
  const task = createTask(s3.task);
  // Iterating takes longer to learn.
  const deliberated = (seed: number) =>
    trainedDepth > 1 && {
      steps: 3 * s3.steps,
      deliberation: { iterations: drawnIterations(1, trainedDepth, seed), positions: [-1], loss: "all" as const },
    };
  return {
    ...{ name, trainedDepth, maxima: [4], chance: task.chance },
    train: (seed) => trainFromScratch([task], { ...s3, ...deliberated(seed) }, seed, true, silent()),
    questions(seed, split, count) {
      const { tokens, labels, time } = taskBatch(task, {
        ...{ seed, split, index: 0, batchSize: count, length: s3.trainedLength },
      });
      return lastAsked(tokens, labels, time);
    },
  };
}

function hopQuestions(task: HopTask, seed: number, split: "validation" | "test", count: number): Question[] {
  const options = { seed, split, index: 0, batchSize: count, from: 1, to: hops.hops };
  const { tokens, labels, time, hops: asked } = hopBatch(task, options);
  return lastAsked(tokens, labels, time).map((question, row) => ({ ...question, needed: asked[row] as number }));
}

function lastAsked(tokens: Int32Array, labels: Int32Array, time: number): Question[] {
  return Array.from({ length: tokens.length / time }, (_, row) => ({
    prompt: [...tokens.subarray(row * time, (row + 1) * time)],
    answer: labels[(row + 1) * time - 1] as number,
    needed: 1,
  }));
}

async function trainOnProblems(seed: number): Promise<DecoderModel> {
  const { hiddenSize, steps, learningRate, iterations } = problemRecipe;
  const stateStream = { ...paperAlpha, recirculate: true };
  const config = smallDecoder({ hiddenSize, vocabSize: problems.vocabulary.size, stateStream });
  const model = DecoderModel.fromData(initializeModel(config, new Random(`weights/${seed}`)));
  using trainer = new Trainer(model, {
    ...{ steps, learningRate },
    deliberation: {
      iterations: (step) => iterations.findLast(({ from }) => step >= from)?.count ?? 1,
      positions: [-1],
      loss: "staged",
    },
  });
  await trainer.run((step) => {
    const drawn = 1 + new Random(`sentences/${seed}/${step}`).integer(sentences);
    const options = { seed, split: "train", index: step, batchSize, sentences: drawn } as const;
    return [stagedProblems(problems, options, sentences)];
  });
  return model;
}

/** As many of each length. */
function problemQuestions(seed: number, split: "validation" | "test", count: number): Question[] {
  const { vocabulary } = problems;
  return Array.from({ length: sentences }, (_, index) => index + 1).flatMap((length) =>
    drawWordProblems(problems, {
      ...{ seed, split, index: 0, batchSize: count / sentences, sentences: length },
    }).map(({ words, answers }) => ({
      prompt: [vocabulary.startToken, ...words.map((word) => vocabulary.id(word))],
      answer: vocabulary.id(answers.at(-1)?.answer as string),
      needed: length,
    })),
  );
}

function silent(): LossCurve {
  return new LossCurve(() => {});
}
