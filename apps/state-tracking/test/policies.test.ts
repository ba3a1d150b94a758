/** How policies are measured: what is asked, what comes of it, and how it is drawn. */
import "@sst/backend-cpu";
import { readDepths } from "@sst/eval";
import { fixed } from "@sst/infer";
import { DecoderModel, headFlops, initializeModel, positionFlops, smallDecoder } from "@sst/layers";
import { drawWordProblems, HopTask, hopBatch, WordProblems } from "@sst/loaders";
import { memory, Random, ready } from "@sst/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { ask, fitProbes } from "../src/policies/ask.js";
import { studyChart } from "../src/policies/chart.js";
import { rowOf, type StudyResult } from "../src/policies/result.js";
import { fixedSettings, settingsFor } from "../src/policies/settings.js";
import { stagedProblems } from "../src/policies/staged-problems.js";
import { studies } from "../src/policies/studies.js";

beforeAll(async () => {
  await ready({ backend: "cpu" });
});

const task = new HopTask({ form: "packed", nodes: 3, hops: 2 });

/** Weights as they come, large enough for answers to change from one iteration to the next. */
function model(): DecoderModel {
  const stateStream = { alphaMin: 0.1, alphaMax: 0.9, recirculate: true };
  const config = smallDecoder({ hiddenSize: 16, vocabSize: task.vocabulary.size, stateStream });
  return DecoderModel.fromData(initializeModel(config, new Random(1), { embeddingDeviation: 1 }));
}

function batchAndQuestions(count: number) {
  const batch = hopBatch(task, { seed: 0, split: "test", index: 0, batchSize: count, from: 1, to: 2 });
  const { tokens, time } = batch;
  const prompts = Array.from({ length: count }, (_, row) => [...tokens.subarray(row * time, (row + 1) * time)]);
  return { batch, prompts };
}

describe("asking", () => {
  test("at a fixed depth gives what reading all depths at once gives, at the cost of the closed form", async () => {
    using asked = model();
    const { batch, prompts } = batchAndQuestions(40);
    const readings = await readDepths(asked, [batch], 3);
    const answers = readings.map((depths) => depths.map(({ answer }) => answer));
    expect(answers.some(([first, , third]) => first !== third)).toBe(true);
    const all = [fixed(1), fixed(2), fixed(3)];
    await ask(asked, [{ prompt: prompts[0] as number[], answer: 0, needed: 1 }], all);
    const before = memory();
    for (const depth of [1, 2, 3]) {
      // What the other way of reading answers counts as right.
      const questions = prompts.map((prompt, row) => ({
        prompt,
        answer: answers[row]?.[depth - 1] as number,
        needed: 1,
      }));
      const [found = []] = await ask(asked, questions, [fixed(depth)]);
      expect(found.every(({ isRight }) => isRight)).toBe(true);
      const flops = positionFlops(asked.config, batch.time, depth) + headFlops(asked.config);
      expect(found.map(({ iterations, flops: counted }) => [iterations, counted])).toEqual(
        questions.map(() => [depth, flops]),
      );
    }
    expect(memory()).toEqual(before);
  });

  test("fits no probe of what does not occur", async () => {
    using asked = model();
    const { prompts } = batchAndQuestions(30);
    const wrong = prompts.map((prompt) => ({ prompt, answer: 0, needed: 1 }));
    const nobodySaysStart = await ask(asked, wrong, [fixed(1), fixed(3)]);
    expect(nobodySaysStart.flat().some(({ isRight }) => isRight)).toBe(false);
    expect(await fitProbes(asked, wrong, 3)).toEqual({});
  });
});

test("problems by stages: one sentence more each iteration at the end, the first one before it", () => {
  const problems = new WordProblems(["boxes"]);
  const options = { seed: 3, split: "train", index: 0, batchSize: 5, sentences: 3 } as const;
  const { tokens, labels, stagedLabels = [], time } = stagedProblems(problems, options, 4);
  const nameOf = (token: number | undefined) => (token === -1 ? "" : problems.vocabulary.decode(token as number));
  for (const [row, { words, answers }] of drawWordProblems(problems, options).entries()) {
    const at = (values: Int32Array, word: number) => nameOf(values[row * time + 1 + word]);
    expect(words.map((_, word) => at(tokens, word))).toEqual(words);
    const [told, first, second, third] = answers.map(({ answer }) => answer);
    const [start, one, two, end] = answers.map(({ after }) => after) as [number, number, number, number];
    for (const asked of [labels, ...stagedLabels]) {
      expect([start, one, two].map((word) => at(asked, word))).toEqual([told, first, first]);
    }
    expect(at(labels, end)).toBe(third);
    expect(stagedLabels.map((asked) => at(asked, end))).toEqual([first, second, third, third]);
    expect(labels.subarray(row * time, (row + 1) * time).filter((label) => label >= 0)).toHaveLength(4);
  }
});

test("the policy of one's own waits for two iterations that agree, and for a margin", async () => {
  const customs = settingsFor(4, {}).filter(({ family }) => family === "custom");
  const stops = async (index: number, logits: number[], previous?: number[]) =>
    await customs[index]?.policy.start().stops({
      ...{ position: 5, iteration: 2, isFirstGenerated: true, logits: Float32Array.from(logits) },
      ...(previous && { previousLogits: Float32Array.from(previous) }),
    });
  expect(customs.map(({ setting }) => setting)).toEqual(["margin 0", "margin 0.9", "margin 0.999"]);
  expect(await stops(0, [0, 1, 0])).toBe(false);
  expect(await stops(0, [0, 1, 0], [1, 0, 0])).toBe(false);
  expect(await stops(0, [0, 1, 0], [0, 9, 0])).toBe(true);
  // Probabilities of 0.953 and 0.047, 0.906 apart; of 0.949 and 0.051, 0.898 apart.
  expect(await stops(1, [0, 3.007, -50], [0, 9, 0])).toBe(true);
  expect(await stops(1, [0, 2.928, -50], [0, 9, 0])).toBe(false);
});

test("every study asks what it says, at the trained depth among others", () => {
  for (const { name, maxima, trainedDepth, questions } of studies) {
    const asked = questions(0, "test", 8);
    expect(asked, name).toHaveLength(8);
    expect(asked.every(({ prompt, answer }) => prompt.length < 64 && answer >= 0)).toBe(true);
    expect(questions(0, "validation", 8)).not.toEqual(asked);
    expect(Math.max(...maxima)).toBeGreaterThanOrEqual(trainedDepth);
  }
});

test("a study is drawn with every policy, its settings and its intervals, for light and dark pages", () => {
  const answers = (rights: number[], iterations: number) =>
    rights.map((right, index) => {
      return { needed: 1 + (index % 2), isRight: right === 1, iterations, flops: 1000 * iterations, durationMs: 1 };
    });
  const reference = [answers([1, 0, 1, 1], 2)];
  const [once, twice] = fixedSettings(2);
  const other = settingsFor(2, {})[0];
  if (once === undefined || twice === undefined || other === undefined) throw new Error("there should be settings");
  const rows = [
    rowOf(once, [answers([1, 0, 0, 0], 1)], reference),
    rowOf(twice, reference, reference),
    rowOf(other, [answers([1, 1, 1, 1], 2)], reference),
  ];
  expect(rows[0]).toMatchObject({ accuracy: 0.25, accuracyBySeed: [0.25], iterations: 1, flops: 1000 });
  expect(rows[0]?.byNeeded).toEqual([
    { needed: 1, accuracy: 0.5, iterations: 1 },
    { needed: 2, accuracy: 0, iterations: 1 },
  ]);
  expect(rows[1]?.difference).toEqual({ mean: 0, interval: [0, 0] });
  expect(rows[2]?.difference.mean).toBe(0.25);
  const result: StudyResult = {
    ...{ study: "a-study", seeds: [0], questions: 4, trainedDepth: 2, chance: 0.5, promptFlops: 10 },
    ...{ fittedProbes: { survival: 0, gain: 0 }, rows },
  };
  const svg = studyChart(result, 2, "A study");
  expect(svg).toMatch(/^<svg xmlns="[^"]+" viewBox="0 0 900 420" role="img" aria-label="A study: accuracy against/);
  for (const text of ["fixed", "untilConverged", "iterations per answer, mean", "MFLOP per answer, mean", "accuracy"]) {
    expect(svg).toContain(`>${text}<`);
  }
  expect(svg).toContain("prefers-color-scheme: dark");
  expect(svg).not.toContain("probed");
});
