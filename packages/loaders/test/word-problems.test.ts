import { Random } from "@sst/tensor";
import { describe, expect, it } from "vitest";
import {
  answerBatch,
  drawWordProblems,
  storyNames,
  type WordProblem,
  WordProblems,
  withSteps,
  writtenStepsBatch,
} from "../src/index.js";

/** Solves a problem about boxes from its words alone, with numbers found in them. */
function solveBoxes(words: readonly string[]): string[] {
  const sentences = words.join(" ").split(" .").filter(Boolean);
  let loose = Number.NaN;
  return sentences.map((sentence) => {
    const number = Number(/\d/.exec(sentence)?.[0]);
    if (/ has /.test(sentence)) loose = number;
    else if (/buys|finds/.test(sentence)) loose += number;
    else if (/sells|loses/.test(sentence)) loose -= number;
    else throw new Error(`what does "${sentence}" do?`);
    return String(((loose % 5) + 5) % 5);
  });
}

/** Moves three cups about, the coin under one of them. */
function solveCups(words: readonly string[]): string[] {
  const places = ["left", "middle", "right"];
  let cups: boolean[] = [];
  return words
    .join(" ")
    .split(" .")
    .filter(Boolean)
    .map((sentence) => {
      const [left = false, middle = false, right = false] = cups;
      if (/ puts /.test(sentence)) cups = places.map((place) => sentence.includes(`the ${place} cup`));
      else if (/swaps left and middle/.test(sentence)) cups = [middle, left, right];
      else if (/swaps middle and right/.test(sentence)) cups = [left, right, middle];
      else if (/swaps left and right/.test(sentence)) cups = [right, middle, left];
      else if (/moves left to right/.test(sentence)) cups = [middle, right, left];
      else if (/moves right to left/.test(sentence)) cups = [right, left, middle];
      else throw new Error(`what does "${sentence}" do?`);
      return places[cups.indexOf(true)] as string;
    });
}

/** Turns somebody about, in degrees. */
function solveCompass(words: readonly string[]): string[] {
  const names = new Map([
    [0, "north"],
    [90, "east"],
    [180, "south"],
    [270, "west"],
  ]);
  const turns = new Map([
    ["right", 90],
    ["left", 270],
    ["around", 180],
  ]);
  let heading = Number.NaN;
  return words
    .join(" ")
    .split(" .")
    .filter(Boolean)
    .map((sentence) => {
      const last = sentence.split(" ").at(-1) as string;
      if (/ looks /.test(sentence)) heading = [...names].find(([, name]) => name === last)?.[0] as number;
      else if (/ turns /.test(sentence)) heading = (heading + (turns.get(last) as number)) % 360;
      else if (last !== "waits") throw new Error(`what does "${sentence}" do?`);
      return names.get(heading) as string;
    });
}

const answersOf = (problem: WordProblem) => problem.answers.map(({ answer }) => answer);

describe("word problems", () => {
  it.each([
    ["boxes", solveBoxes],
    ["cups", solveCups],
    ["compass", solveCompass],
  ] as const)("of %s have the answers that their words give", (story, solve) => {
    const problems = new WordProblems([story]);
    const random = new Random(1);
    for (let count = 0; count < 300; count++) {
      const problem = problems.sample(random, count % 12);
      expect(answersOf(problem)).toEqual(solve(problem.words));
      expect(problem.answers.every(({ after }) => problem.words[after] === ".")).toBe(true);
    }
  });

  it("come to every answer about equally often", () => {
    for (const story of storyNames) {
      const problems = new WordProblems([story]);
      const drawn = drawWordProblems(problems, { seed: 0, split: "test", index: 0, batchSize: 3000, sentences: 6 });
      const counts = new Map<string, number>();
      for (const problem of drawn) {
        const last = answersOf(problem).at(-1) as string;
        counts.set(last, (counts.get(last) ?? 0) + 1);
      }
      expect(counts.size).toBe(Math.round(1 / problems.chance));
      for (const count of counts.values()) expect(Math.abs(count / 3000 - problems.chance)).toBeLessThan(0.04);
    }
  });

  it("ask for the answer after every sentence and tell it nowhere, or write it out and ask for every word", () => {
    const problems = new WordProblems(["boxes"]);
    const { vocabulary } = problems;
    const drawn = drawWordProblems(problems, { seed: 3, split: "train", index: 2, batchSize: 5, sentences: 4 });
    const asked = answerBatch(problems, drawn, "sentences");
    const written = writtenStepsBatch(problems, drawn);
    for (const [row, problem] of drawn.entries()) {
      const at = (batch: typeof asked, values: Int32Array) =>
        Array.from(values.subarray(row * batch.time, (row + 1) * batch.time));
      const tokens = at(asked, asked.tokens);
      expect(tokens.slice(1, problem.words.length + 1).map((token) => vocabulary.decode(token))).toEqual(problem.words);
      const labels = at(asked, asked.labels).filter((label) => label >= 0);
      expect(labels.map((label) => vocabulary.decode(label))).toEqual(answersOf(problem));

      const words = withSteps(problem);
      const read = at(written, written.tokens).slice(1, words.length + 1);
      expect(read.map((token) => vocabulary.decode(token))).toEqual(words);
      // At every word but the last, the next one.
      const next = at(written, written.labels).filter((label) => label >= 0);
      expect(next).toEqual(read.slice(1));
    }
  });

  it("ask after every word for what the sentences before it come to", () => {
    const problems = new WordProblems(["compass"]);
    const drawn = drawWordProblems(problems, { seed: 3, split: "train", index: 2, batchSize: 5, sentences: 4 });
    const { labels, time } = answerBatch(problems, drawn, "words");
    for (const [row, { words }] of drawn.entries()) {
      for (const [index, label] of labels.subarray(row * time + 1, row * time + 1 + words.length).entries()) {
        const sofar = words.slice(0, index + 1);
        const told = solveCompass(sofar.slice(0, sofar.lastIndexOf(".") + 1)).at(-1);
        expect(label < 0 ? undefined : problems.vocabulary.decode(label)).toBe(told);
      }
    }
  });

  it("are the same for the same seed and others for another split", () => {
    const problems = new WordProblems(["cups"]);
    const options = { seed: 0, split: "train", index: 0, batchSize: 8, sentences: 5 } as const;
    expect(drawWordProblems(problems, options)).toEqual(drawWordProblems(problems, options));
    expect(drawWordProblems(problems, options)).not.toEqual(drawWordProblems(problems, { ...options, split: "test" }));
  });

  it("refuse a story that nobody knows, and none", () => {
    expect(() => new WordProblems(["trains"])).toThrow(/no story "trains"; there are boxes, cups, compass/);
    expect(() => new WordProblems([])).toThrow(/at least one story/);
  });
});
