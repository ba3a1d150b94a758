/** Generated tasks against a computation by other means. */
import { createMixture, createTask, SymbolVocabulary, type Task, taskBatch } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { describe, expect, test } from "vitest";

/** The answers by folding the symbols' names, written anew for each task. */
const folds: Record<string, (names: string[]) => string> = {
  parity: (names) => String(names.filter((name) => name === "1").length % 2),
  sum5: (names) => String(names.reduce((sum, name) => sum + Number(name), 0) % 5),
  sum97: (names) => String(names.reduce((sum, name) => sum + Number(name), 0) % 97),
  s3: composeAll,
  s5: composeAll,
};

/** Follows each point through all permutations, the last symbol first: (s1 ∘ … ∘ sn)(i). */
function composeAll(names: string[]): string {
  const points = Array.from({ length: names[0]?.length ?? 0 }, (_, index) => index + 1);
  const image = (point: number) => names.reduceRight((at, name) => Number(name[at - 1]), point);
  return points.map(image).join("");
}

function namesOf(task: Task, tokens: readonly number[]): string[] {
  return tokens.map((token) => task.vocabulary.decode(token));
}

describe("rules", () => {
  for (const [name, fold] of Object.entries(folds)) {
    test(`${name}: every answer is that of the sequence so far`, () => {
      const task = createTask(name);
      for (let index = 0; index < 20; index++) {
        const { symbols, labels } = task.sample(new Random(index), 9);
        const given = namesOf(task, symbols);
        expect(namesOf(task, labels)).toEqual(given.map((_, end) => fold(given.slice(0, end + 1))));
        expect(task.answers(symbols)).toEqual(labels);
      }
    });
  }

  test("chain: a register by the arithmetic of the symbols' names, asked for after each operand", () => {
    const task = createTask("chain");
    const { symbols, labels } = task.sample(new Random(3), 200);
    const names = namesOf(task, symbols);
    let register = 0;
    const seen = new Set<string>();
    for (let index = 0; index < names.length; index += 2) {
      const [operation, operand] = [names[index], Number(names[index + 1])];
      seen.add(`${operation} ${operand}`);
      const next = { "+": register + operand, "*": register * operand, r: operand - register }[
        operation as "+" | "*" | "r"
      ];
      register = ((next % 5) + 5) % 5;
      expect(labels[index]).toBe(-1);
      expect(task.vocabulary.decode(labels[index + 1] as number)).toBe(String(register));
    }
    expect(seen.size).toBe(14);
    expect(seen.has("* 0")).toBe(false);
    expect(task.answers(symbols)).toEqual(labels);
    expect(task.chance).toBe(0.2);
  });

  test("rooms: a walk by the words of the sentences", () => {
    const task = createTask("rooms");
    const { symbols, labels } = task.sample(new Random(5), 200);
    const sentences = namesOf(task, symbols).join(" ").split(" .").filter(Boolean);
    let room = 0;
    const answers = sentences.map((sentence) => {
      const number = Number(/\d/.exec(sentence)?.[0]);
      if (sentence.includes("on")) room = (room + number) % 5;
      else if (sentence.includes("back")) room = (room + 5 - number) % 5;
      else if (sentence.includes("visits")) room = number;
      else room = (((2 * number - room) % 5) + 5) % 5;
      return String(room);
    });
    const asked = labels.filter((label) => label >= 0);
    expect(namesOf(task, asked)).toEqual(answers);
    expect(labels.length).toBe(1000);
    expect(task.answers(symbols)).toEqual(labels);
  });

  test("sizes of the vocabularies: a start token and every state", () => {
    const sizes = ["parity", "sum5", "s3", "s5", "chain"].map((name) => createTask(name).vocabulary.size);
    expect(sizes).toEqual([3, 6, 7, 121, 9]);
  });

  test("an unknown task is refused with the known ones", () => {
    for (const name of ["s4", "sum1", "sum98", "sum05", "Parity", ""])
      expect(() => createTask(name)).toThrowError(/parity.*s3 and s5/);
  });
});

describe("taskBatch", () => {
  const options = { seed: 1, split: "train", index: 4, batchSize: 3, length: 6 } as const;

  test("begins with the start token, where nothing is asked", () => {
    const task = createTask("s3");
    const { tokens, labels, time } = taskBatch(task, options);
    expect([time, tokens.length]).toEqual([7, 21]);
    for (let row = 0; row < 3; row++) {
      expect(tokens[row * time]).toBe(task.vocabulary.startToken);
      expect(labels[row * time]).toBe(-1);
      const symbols = Array.from(tokens.subarray(row * time + 1, (row + 1) * time));
      expect(Array.from(labels.subarray(row * time + 1, (row + 1) * time))).toEqual(task.answers(symbols));
    }
  });

  test("is the same for the same options, and another one for any other", () => {
    const task = createTask("s5");
    expect(taskBatch(task, options)).toEqual(taskBatch(task, options));
    const others = [{ seed: 2 }, { split: "test" }, { index: 5 }] as const;
    for (const other of others)
      expect(taskBatch(task, { ...options, ...other }).tokens).not.toEqual(taskBatch(task, options).tokens);
  });

  test("symbols are drawn evenly", () => {
    const task = createTask("sum5");
    const { tokens } = taskBatch(task, { ...options, batchSize: 500, length: 40 });
    for (const symbol of task.vocabulary.symbols) {
      const count = tokens.filter((token) => token === task.vocabulary.id(symbol)).length;
      // 20,000 draws at 1/5: four standard deviations are 226
      expect(Math.abs(count - 4000)).toBeLessThan(226);
    }
  });
});

describe("mixture", () => {
  test("shares symbols by name, each task with its own start token", () => {
    const mixture = createMixture(["parity", "sum5", "s3"].map(createTask));
    const [parity, sum5, s3] = mixture.tasks as [Task, Task, Task];
    expect(parity.vocabulary.tokens).toEqual(s3.vocabulary.tokens);
    expect(parity.vocabulary.size).toBe(3 + 5 + 6);
    expect(parity.vocabulary.id("1")).toBe(sum5.vocabulary.id("1"));
    expect(new Set(mixture.tasks.map((task) => task.vocabulary.startToken)).size).toBe(3);
    expect(mixture.task("s3")).toBe(s3);
    expect(() => mixture.task("s5")).toThrowError(/parity, sum5, s3/);
  });
});

describe("vocabulary", () => {
  const { vocabulary } = createTask("s3");

  test("takes symbols apart at white space and commas", () => {
    expect(vocabulary.encode(" 132, 213\n123")).toEqual([
      vocabulary.id("132"),
      vocabulary.id("213"),
      vocabulary.id("123"),
    ]);
  });

  test("refuses nothing at all, and what it does not know", () => {
    expect(() => vocabulary.encode(" , ")).toThrowError(expect.objectContaining({ code: "empty-prompt" }));
    expect(() => vocabulary.encode("132 999")).toThrowError(expect.objectContaining({ code: "unknown-token" }));
    expect(() => vocabulary.encode("132 999")).toThrowError(/"999".*123, 132, 213/);
    expect(() => vocabulary.decode(7)).toThrowError(expect.objectContaining({ code: "unknown-token" }));
  });

  const damages: [string, object, RegExp][] = [
    ["a symbol that occurs twice", { tokens: ["<s3>", "123", "123"] }, /occurs twice/],
    ["a symbol that nobody can type", { tokens: ["<s3>", "1 2"] }, /white space/],
    ["a start token that is none", { start_token: "<s5>" }, /"start_token": is not one of the tokens/],
    ["another version", { format_version: 2 }, /format_version/],
  ];
  for (const [title, change, pattern] of damages) {
    test(`vocab.json with ${title} is refused`, () => {
      const content = JSON.parse(new TextDecoder().decode(vocabulary.files()["vocab.json"]));
      const bytes = new TextEncoder().encode(JSON.stringify({ ...content, ...change }));
      expect(() => SymbolVocabulary.fromJson(bytes)).toThrowError(expect.objectContaining({ code: "file-corrupt" }));
      expect(() => SymbolVocabulary.fromJson(bytes)).toThrowError(pattern);
    });
  }
});
