import { describe, expect, test } from "vitest";
import type { EngineCommand } from "../src/engine/engine-process.js";
import { EngineError } from "../src/engine/errors.js";
import { type Entrant, runRounds } from "../src/engine/rounds.js";

/** An engine in a line of JavaScript: gets `request` and `turn`, how often it was asked before. */
function engine(answer: string, beginning = "console.log('{\"ready\":true}');"): EngineCommand {
  const loop = `let turn = 0; require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const request = JSON.parse(line); console.log(JSON.stringify(${answer})); turn++; });`;
  return { program: process.execPath, args: ["-e", beginning + loop] };
}

const entrant = (name: string, command: Entrant["command"], more: Partial<Entrant> = {}): Entrant => ({
  name,
  command,
  request: (each) => ({ each }),
  ...more,
});

const options = { rounds: 3, leastTurnMs: 0, onProgress: () => {}, onProcessorShare: () => {} };

describe("rounds", () => {
  test("everyone is asked in every case, and the first round does not count", async () => {
    const seconds = "{ seconds: turn + (request.each === 'b' ? 100 : 0) }";
    const samples = await runRounds(
      [entrant("x", engine(seconds)), entrant("y", engine(seconds))],
      ["a", "b"],
      options,
    );
    const expected = { a: [1, 2, 3], b: [105, 106, 107] };
    expect(samples).toEqual({ x: expected, y: expected });
  });

  test("answers that count are heard, with what they say beside the time", async () => {
    const heard: unknown[] = [];
    const shares: number[] = [];
    const command = engine("{ seconds: 1, bytes: turn, processorShare: 0.5 }");
    await runRounds([entrant("x", command, { onReply: ({ bytes }) => heard.push(bytes) })], ["a"], {
      ...options,
      onProcessorShare: (share) => shares.push(share),
    });
    expect(heard).toEqual([1, 2, 3]);
    expect(shares).toEqual([0.5, 0.5, 0.5]);
  });

  test("who cannot run has the reason, and the others run", async () => {
    const samples = await runRounds(
      [
        entrant("known", { notRun: "not installed" }),
        entrant("no program", { program: "/no/such/program", args: [] }),
        entrant("says so", engine("{}", 'console.log(\'{"failed":"no library"}\');')),
        entrant("dies", engine("{}", "console.error('segmentation fault'); process.exit(1);")),
        entrant("talks", engine("{}", "console.log('hello');")),
        entrant("fails later", engine("turn < 2 ? { seconds: 1 } : { failed: 'out of memory' }")),
        entrant("wrong", engine("{ seconds: 1 }"), {
          check: () => Promise.reject(new EngineError("wrong: 1 is not 2")),
        }),
        entrant("well", engine("{ seconds: 2 }")),
      ],
      ["a"],
      options,
    );
    expect(samples).toEqual({
      known: { a: { notRun: "not installed" } },
      "no program": { a: { notRun: expect.stringContaining("ENOENT") } },
      "says so": { a: { notRun: "no library" } },
      dies: { a: { notRun: "segmentation fault" } },
      talks: { a: { notRun: 'it answers "hello" instead of JSON' } },
      "fails later": { a: { notRun: "out of memory" } },
      wrong: { a: { notRun: "wrong: 1 is not 2" } },
      well: { a: [2, 2, 2] },
    });
  });

  test("a case without a request is not the engine's", async () => {
    const command = engine("{ seconds: 1 }");
    const request = (name: string) => (name === "a" ? {} : undefined);
    expect(await runRounds([entrant("x", command, { request })], ["a", "b"], options)).toEqual({ x: { a: [1, 1, 1] } });
  });
});
