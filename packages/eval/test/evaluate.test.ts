/** Evaluation: rows, union and cost are what a count by hand gives, and a run that was stopped goes on as if it had not been. */
import "@sst/backend-cpu";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Benchmark,
  evaluate,
  lastAnswerByIterations,
  meanLoss,
  type StoppingPolicy,
  symbolSubject,
  type TextCodec,
  taskBenchmark,
  textPerplexity,
  textSubject,
} from "@sst/eval";
import { completionFlops, DecoderModel } from "@sst/layers";
import { createTask, taskBatch } from "@sst/loaders";
import { memory, ready } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyBackbone, tinyConfig, tinyModel } from "../../layers/test/tiny-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-evaluate-"));
afterAll(() => rmSync(scratch, { recursive: true }));
beforeAll(async () => {
  await ready({ backend: "cpu" });
});

/** One character a token. */
const codec: TextCodec = {
  encode: (text) => Array.from(text, (character) => character.charCodeAt(0) % 128),
  streamDecoder: () => ({ push: (token) => String.fromCharCode(token), end: () => "" }),
};
const textModel = () => DecoderModel.fromData(tinyModel({ vocabSize: 128 }));

/** Says a given text whatever the model is, with a number of iterations that grows. */
function says(name: string, text: string): StoppingPolicy {
  return {
    name,
    async *complete(_, __, { maxNewTokens }) {
      const tokens = codec.encode(text).slice(0, maxNewTokens);
      for (const [index, token] of tokens.entries()) yield { token, iterations: index + 1 };
    },
  };
}

const echo: Benchmark = {
  name: "echo",
  settings: { seed: 0 },
  questions: ["one", "two", "six"].map((prompt) => ({
    id: prompt,
    prompt,
    judge: (completion) => ({ answer: completion, correct: completion === prompt }),
  })),
  maxNewTokens: 5,
  stopTexts: ["\n", "!"],
};

describe("evaluate", () => {
  test("a task by depth is what the batched measure gives, and the union is a figure of its own", async () => {
    const task = createTask("s3");
    using model = DecoderModel.fromData(tinyModel({ vocabSize: 7 }));
    const subject = symbolSubject(model, task.vocabulary);
    const benchmark = taskBenchmark(task, { length: 5, sequences: 60, seed: 3 });
    await evaluate(subject, benchmark, { limit: 2 });
    const before = memory();
    const { depths, unionOverDepths, questions } = await evaluate(subject, benchmark);
    expect(memory()).toEqual(before);
    expect(questions).toBe(60);
    expect(depths.map(({ name }) => name)).toEqual(["depth 1", "depth 2", "depth 3", "depth 4"]);
    const batch = taskBatch(task, { seed: 3, split: "test", index: 0, batchSize: 250, length: 5 });
    const first60 = {
      ...batch,
      batchSize: 60,
      tokens: batch.tokens.subarray(0, 60 * batch.time),
      labels: batch.labels.subarray(0, 60 * batch.time),
    };
    expect(depths.map(({ accuracy }) => accuracy)).toEqual(await lastAnswerByIterations(model, first60, 4));
    const union = depths[0]?.verdicts.map((_, index) => depths.some(({ verdicts }) => verdicts[index])) ?? [];
    expect(unionOverDepths).toEqual({ verdicts: union, share: union.filter(Boolean).length / 60 });
    expect(depths.map(({ iterations }) => iterations)).toEqual([1, 2, 3, 4]);
    expect(depths[2]?.flops).toBe(completionFlops(model.config, 6, [3]));
  });

  test("policies are rows, cut at stop texts and at their length, with their own cost", async () => {
    using model = textModel();
    const { policies, depths, unionOverDepths } = await evaluate(textSubject(model, codec), echo, {
      depths: [1],
      policies: [says("two", "two!six"), says("long", "onetwo")],
    });
    expect(unionOverDepths).toBeUndefined();
    expect(depths).toHaveLength(1);
    const [two, long] = policies;
    expect(two).toMatchObject({ name: "two", verdicts: [false, true, false], newTokens: 4, iterations: 2.5 });
    expect(two?.flops).toBe(completionFlops(model.config, 3, [1, 2, 3, 4]));
    expect(long).toMatchObject({ verdicts: [false, false, false], newTokens: 5 });
  });

  test("without a stream there is depth 1 alone", async () => {
    using model = DecoderModel.fromData(tinyBackbone({ vocabSize: 128 }));
    const subject = textSubject(model, codec);
    expect((await evaluate(subject, echo)).depths.map(({ name }) => name)).toEqual(["depth 1"]);
    await expect(evaluate(subject, echo, { depths: [1, 2] })).rejects.toMatchObject({ code: "contradiction" });
    await expect(evaluate(subject, echo, { depths: [0] })).rejects.toMatchObject({ code: "invalid-argument" });
    await expect(evaluate(subject, echo, { depths: [1, 1] })).rejects.toMatchObject({ code: "contradiction" });
    await expect(evaluate(subject, echo, { limit: 0 })).rejects.toMatchObject({ code: "invalid-argument" });
  });

  test("a prompt that does not fit is a wrong answer, and the others are asked", async () => {
    using model = textModel();
    const [first] = echo.questions;
    const long = { id: "long", prompt: "x".repeat(64), judge: () => ({ answer: "", correct: true }) };
    const benchmark = { ...echo, questions: [long, ...(first ? [first] : [])] };
    const path = join(scratch, "long.jsonl");
    const { policies } = await evaluate(textSubject(model, codec), benchmark, {
      depths: [],
      policies: [says("one", "one")],
      results: { path, model: "tiny" },
    });
    expect(policies[0]?.verdicts).toEqual([false, true]);
    expect(readFileSync(path, "utf8")).toMatch(/does not fit the model's context/);
  });
});

describe("the results file", () => {
  const run = async (path: string, resume: boolean, options: object = {}, benchmark = echo) => {
    using model = textModel();
    return await evaluate(textSubject(model, codec), benchmark, {
      depths: [1, 2],
      policies: [says("two", "two")],
      results: { path, resume, model: "tiny" },
      ...options,
    });
  };
  const lines = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");

  test("holds every prompt, completion and verdict", async () => {
    const path = join(scratch, "whole.jsonl");
    await run(path, false);
    const [header, ...records] = lines(path).map((line) => JSON.parse(line));
    expect(header).toEqual({
      format: "sst-evaluation",
      version: 1,
      model: "tiny",
      benchmark: "echo",
      settings: { seed: 0 },
    });
    expect(records).toHaveLength(9);
    expect(records.at(5)).toEqual({
      row: "two",
      question: "two",
      prompt: "two",
      completion: "two",
      answer: "two",
      correct: true,
      promptTokens: 3,
      iterations: [1, 2, 3],
      flops: completionFlops({ ...tinyConfig, vocabSize: 128 }, 3, [1, 2, 3]),
    });
  });

  test("a run stopped anywhere, even within a line, goes on to the same file", async () => {
    const whole = join(scratch, "reference.jsonl");
    const expected = await run(whole, false);
    const text = readFileSync(whole, "utf8");
    const path = join(scratch, "cut.jsonl");
    for (const cut of [0, 10, text.indexOf("\n") + 1, text.indexOf("\n") + 40, text.length - 1, text.length]) {
      writeFileSync(path, text.slice(0, cut));
      expect(await run(path, true)).toEqual(expected);
      expect(readFileSync(path, "utf8")).toBe(text);
    }
  });

  test("what was done is not done again, and more questions go on from it", async () => {
    const path = join(scratch, "limit.jsonl");
    await run(path, false, { limit: 1 });
    const seen: number[] = [];
    await run(path, true, {
      onProgress: ({ done, total }: { done: number; total: number }) => seen.push(done / total),
    });
    expect(seen).toHaveLength(9);
    expect(lines(path)).toHaveLength(10);
    const stopped = new AbortController();
    const aborted = run(join(scratch, "abort.jsonl"), false, {
      signal: stopped.signal,
      onProgress: ({ done }: { done: number }) => done === 2 && stopped.abort(),
    });
    await expect(aborted).rejects.toThrowError(/abort/i);
    expect(lines(join(scratch, "abort.jsonl"))).toHaveLength(3);
  });

  test("is not overwritten, nor continued by another model, benchmark, setting or prompt", async () => {
    const path = join(scratch, "mine.jsonl");
    await run(path, false);
    await expect(run(path, false)).rejects.toMatchObject({ code: "output-exists" });
    const other = (options: object, benchmark = echo) => run(path, true, options, benchmark);
    await expect(other({ results: { path, resume: true, model: "other" } })).rejects.toThrowError(
      /its model is tiny, here it is other/,
    );
    await expect(other({}, { ...echo, name: "ohce" })).rejects.toMatchObject({ code: "contradiction" });
    await expect(other({}, { ...echo, settings: { seed: 1 } })).rejects.toThrowError(/its seed is 0, here it is 1/);
    const [first] = echo.questions;
    const changed = { ...echo, questions: [{ ...(first as (typeof echo.questions)[0]), prompt: "eno" }] };
    await expect(other({}, changed)).rejects.toThrowError(/question one with another prompt/);
    const twice = { ...echo, questions: [...echo.questions, ...echo.questions] };
    await expect(other({}, twice)).rejects.toThrowError(/two questions have the id "one"/);
    expect(lines(path)).toHaveLength(10);
  });

  test("a file of something else is refused, and left as it is", async () => {
    const path = join(scratch, "notes.txt");
    writeFileSync(path, "my notes\nmore\n");
    await expect(run(path, true)).rejects.toMatchObject({ code: "file-corrupt" });
    expect(readFileSync(path, "utf8")).toBe("my notes\nmore\n");
    const damaged = join(scratch, "damaged.jsonl");
    await run(damaged, false);
    appendFileSync(damaged, '{"row":"two"}\n');
    await expect(run(damaged, true)).rejects.toThrowError(/line 11: field "question"/);
    await expect(run(join(scratch, "none", "x.jsonl"), false)).rejects.toMatchObject({ code: "output-not-writable" });
  });
});

describe("perplexity of a text", () => {
  test("windows add up to the mean loss, and depths to their own", async () => {
    using model = textModel();
    const subject = textSubject(model, codec);
    const text = "the quick brown fox jumps over the lazy dog";
    const [one, two] = await textPerplexity(subject, text, { depths: [1, 2], windowTokens: 10 });
    expect(one?.tokens).toBe(text.length - 1);
    expect(one?.windows).toHaveLength(5);
    const tokens = Int32Array.from(codec.encode(text));
    const window = { batchSize: 1, time: 10, tokens: tokens.slice(10, 20), labels: tokens.slice(11, 21) };
    const single = await meanLoss(model, [window], { iterations: 2 });
    expect(two?.windows[1]).toBeCloseTo(single.loss, 6);
    expect(one?.perplexity).toBeCloseTo(Math.exp(one?.loss as number), 9);
    expect((two?.flops as number) / (one?.flops as number)).toBeGreaterThan(1.5);
    await expect(textPerplexity(subject, "x")).rejects.toMatchObject({ code: "empty-prompt" });
  });
});
