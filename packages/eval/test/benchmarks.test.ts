/** Prompts and verdicts of the benchmarks: what counts as an answer and what does not. */
import {
  gpqaBenchmark,
  gsm8kBenchmark,
  gsm8kCodeBenchmark,
  lastNumber,
  letterIn,
  markedNumber,
  PythonSandbox,
  programIn,
  sameNumber,
  taskBenchmark,
  wordProblemBenchmark,
} from "@sst/eval";
import { createTask, gsm8kAnswer, gsm8kProgram, readGsm8k, WordProblems } from "@sst/loaders";
import { sharedData, testWhere } from "@sst/vitest-config/helpers";
import { afterAll, describe, expect, test, vi } from "vitest";

// Every program waits for a Python of its own to start.
vi.setConfig({ testTimeout: 300_000 });

const sandbox = new PythonSandbox();
afterAll(() => sandbox.dispose());

const problem = (question: string, steps: string, answer: string) => ({
  question,
  answer: `${steps}\n#### ${answer}`,
});
const gsm8k = {
  train: [
    problem("t1?", "1+1 = <<1+1=2>>2", "2"),
    problem("t2?", "2*3 = <<2*3=6>>6", "6"),
    problem("t3?", "in the head", "9"),
  ],
  test: [problem("How many?", "600*2 = <<600*2=1200>>1,200", "1,200"), problem("And now?", "3-5 = <<3-5=-2>>-2", "-2")],
};

test("numbers in texts", () => {
  expect(lastNumber("She has 3 apples, then 1,234.50 of them.")).toBe("1234.50");
  expect(lastNumber("It is -5")).toBe("-5");
  expect(lastNumber("5-3")).toBe("3");
  expect(lastNumber("$18.")).toBe("18");
  expect(lastNumber("1.5e3")).toBe("1.5e3");
  expect(lastNumber("none")).toBeUndefined();
  expect(markedNumber("2 of 3\n#### 42 apples, not 7")).toBe("42");
  expect(markedNumber("42")).toBeUndefined();
  expect(sameNumber("24.0", "24")).toBe(true);
  expect(sameNumber("24.1", "24")).toBe(false);
});

describe("GSM8K as text", () => {
  test("prompts are the question, and with shots solved problems before it", async () => {
    const [question] = gsm8kBenchmark(gsm8k).questions;
    expect(question?.prompt).toBe("Question: How many?\nAnswer:");
    const [shot] = gsm8kBenchmark(gsm8k, { shots: 2, seed: 1 }).questions;
    expect(shot?.prompt).toMatch(/^(Question: t\d\?\nAnswer: .*\n#### \d\n\n){2}Question: How many\?\nAnswer:$/);
    expect(gsm8kBenchmark(gsm8k, { shots: 2, seed: 1 }).questions[0]?.prompt).toBe(shot?.prompt);
    expect(() => gsm8kBenchmark(gsm8k, { shots: 4 })).toThrowError(/only 3 problems to show, not 4/);
  });

  test("verdicts", async () => {
    const [first, second] = gsm8kBenchmark(gsm8k).questions;
    expect(await first?.judge(" 600*2 = 1200\n#### 1,200")).toEqual({ answer: "1200", correct: true });
    expect(await first?.judge("I think it is 1200.")).toEqual({ answer: "1200", correct: true });
    expect(await first?.judge("#### 1200 or 7")).toEqual({ answer: "1200", correct: true });
    expect(await first?.judge("#### 1201, or 1200")).toEqual({ answer: "1201", correct: false });
    expect(await first?.judge("no idea")).toEqual({ answer: null, correct: false });
    expect(await second?.judge("#### -2")).toEqual({ answer: "-2", correct: true });
  });
});

describe("GSM8K as programs", () => {
  test("the program of a completion", () => {
    expect(programIn("print(1)\n```\nThat was it.")).toBe("print(1)\n");
    expect(programIn("```python\nprint(2)\n```\nrest")).toBe("print(2)\n");
    expect(programIn("print(3)")).toBe("print(3)");
  });

  test("what it prints is the answer; what raises, loops or escapes is wrong, and the evaluation goes on", async () => {
    const quick = new PythonSandbox({ timeLimitMs: 3000 });
    const [question] = gsm8kCodeBenchmark(gsm8k, quick).questions;
    expect(question?.prompt).toBe("Question: How many?\nProgram:\n```python\n");
    const judge = (program: string) => question?.judge(program);
    expect(await judge("print(600 * 2)\n```")).toEqual({ answer: "1200", correct: true, detail: "finished" });
    expect(await judge("print(1)\nprint('makes', 1200.0)")).toMatchObject({ answer: "1200.0", correct: true });
    expect(await judge("print(1200)\nraise ValueError(3)")).toEqual({ answer: null, correct: false, detail: "raised" });
    expect(await judge("print(1200, flush=True)\nwhile True: pass")).toMatchObject({
      correct: false,
      detail: "timed-out",
    });
    expect(await judge("import js\nprint(1200)")).toMatchObject({ correct: false, detail: "raised" });
    expect(await judge("while True: print(1200)")).toMatchObject({ correct: false, detail: "too-much-output" });
    expect(await judge("print(10 ** 2 * 12)")).toMatchObject({ correct: true });
    quick.dispose();
  });

  test("shots are solutions that calculate; those without are passed over", () => {
    const [question] = gsm8kCodeBenchmark(gsm8k, sandbox, { shots: 2 }).questions;
    expect(question?.prompt).toMatch(
      /^(Question: t[12]\?\nProgram:\n```python\n# .*\nresult = .*\nprint\(result\)\n```\n\n){2}/,
    );
    expect(() => gsm8kCodeBenchmark(gsm8k, sandbox, { shots: 3 })).toThrowError(/only 2 problems/);
  });

  testWhere(
    sharedData(),
    "no real data here (SST_DATA_DIR)",
    "programs made of the real solutions print the real answers",
    async () => {
      const { test: problems } = await readGsm8k(`${sharedData()}/gsm8k`);
      const solved = problems.flatMap((each) => {
        const program = gsm8kProgram(each);
        return program === undefined ? [] : [{ program, answer: Number(gsm8kAnswer(each)) }];
      });
      expect(solved.length).toBe(1177);
      const all = `import json, io, contextlib\nright = 0\nfor each in json.loads(r'''${JSON.stringify(solved).replaceAll("'''", "")}'''):\n    out = io.StringIO()\n    with contextlib.redirect_stdout(out): exec(each["program"], {})\n    right += abs(float(out.getvalue()) - each["answer"]) < 0.005 * max(1, abs(each["answer"]))\nprint(right)`;
      const { output } = await sandbox.run(all);
      // Some solutions mark rounded or wrong values; their programs calculate.
      expect(Number(output) / solved.length).toBeGreaterThan(0.97);
    },
  );
});

describe("GPQA", () => {
  const data = Array.from({ length: 40 }, (_, index) => ({
    id: `rec${index}`,
    question: `Q${index}?`,
    correct: `right${index}`,
    incorrect: ["wrong1", "wrong2", "wrong3"],
  }));

  test("answers are shuffled by the seed, the right letter with them", async () => {
    const { questions } = gpqaBenchmark(data);
    const rights: string[] = [];
    for (const [index, { prompt, judge }] of questions.entries()) {
      const right = new RegExp(`^([A-D])\\. right${index}$`, "m").exec(prompt)?.[1] as string;
      expect(prompt.match(/^[A-D]\. /gm)).toEqual(["A. ", "B. ", "C. ", "D. "]);
      for (const letter of ["A", "B", "C", "D"]) {
        expect(await judge(` ${letter}. because`)).toEqual({ answer: letter, correct: letter === right });
      }
      rights.push(right);
    }
    expect(new Set(rights).size).toBe(4);
    expect(gpqaBenchmark(data).questions.map(({ prompt }) => prompt)).toEqual(questions.map(({ prompt }) => prompt));
    expect(gpqaBenchmark(data, { seed: 1 }).questions.map(({ prompt }) => prompt)).not.toEqual(
      questions.map(({ prompt }) => prompt),
    );
  });

  test("letters in completions", () => {
    expect(letterIn("The correct answer is (B).")).toBe("B");
    expect(letterIn("The answer is A. No: answer: C")).toBe("C");
    expect(letterIn("(d) is lower case")).toBeUndefined();
    expect(letterIn("D")).toBe("D");
    expect(letterIn("Because of this")).toBeUndefined();
    expect(letterIn("")).toBeUndefined();
  });
});

test("a generated task asks for the state at the end", async () => {
  const task = createTask("s3");
  const benchmark = taskBenchmark(task, { length: 6, sequences: 300, seed: 2 });
  expect(benchmark.questions).toHaveLength(300);
  for (const { prompt, judge } of benchmark.questions.slice(245, 255)) {
    const right = task.vocabulary.decode(task.answers(task.vocabulary.encode(prompt)).at(-1) as number);
    expect(prompt.split(" ")).toHaveLength(6);
    expect(await judge(right)).toEqual({ answer: right, correct: true });
    expect(await judge("x")).toEqual({ answer: "x", correct: false });
  }
  // More sequences begin with the same ones.
  const fewer = taskBenchmark(task, { length: 6, sequences: 10, seed: 2 });
  expect(fewer.questions.map(({ prompt }) => prompt)).toEqual(
    benchmark.questions.slice(0, 10).map(({ prompt }) => prompt),
  );
});

test("word problems: the same ones with and without their steps, the last answer for the model", async () => {
  const problems = new WordProblems(["boxes"]);
  const options = { sentences: 3, questions: 20, seed: 1 };
  const plain = wordProblemBenchmark(problems, options);
  const written = wordProblemBenchmark(problems, { ...options, writtenSteps: true });
  expect(written.settings).not.toEqual(plain.settings);
  for (const [index, { prompt }] of plain.questions.entries()) {
    const withSteps = written.questions[index]?.prompt as string;
    // Three numbers after sentences, none after the last.
    expect(withSteps.match(/ \. \d\b/g)).toHaveLength(3);
    expect(withSteps.replaceAll(/ \. \d\b/g, " .")).toBe(prompt);
    const verdicts = await Promise.all(
      ["0", "1", "2", "3", "4"].map((answer) => plain.questions[index]?.judge(answer)),
    );
    expect(verdicts.filter((verdict) => verdict?.correct)).toHaveLength(1);
  }
});
