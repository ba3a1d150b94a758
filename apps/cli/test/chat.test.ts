/** `sst chat`: what is said reaches the model, the depth changes while it answers, and pipes work as a terminal does. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatTemplate } from "@sst/loaders";
import { afterAll, describe, expect, test } from "vitest";
import { Chat, type ChatOptions, type Screen } from "../src/chat/chat.js";
import { plainScreen, TerminalScreen } from "../src/chat/screens.js";
import { program, sst } from "./run-sst.js";
import { byteTokenizer, PlantedCompleter, type Script } from "./serve/planted.js";
import { writeSmallChatModel } from "./serve/small-chat-model.js";

const template = new ChatTemplate({
  default:
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
});

function chatWith(script: Script, options: Partial<ChatOptions> = {}, screen: Partial<Screen> = {}) {
  const completer = new PlantedCompleter(script);
  const [answers, notes]: [string[], string[]] = [[""], []];
  const model = { completer, tokenizer: byteTokenizer, template };
  const chat = new Chat(
    model,
    { deliberation: { policy: "fixed", iterations: 2 }, maxNewTokens: 3, seed: 0, sampling: {}, stop: [], ...options },
    {
      answer: (text) => {
        answers.push(answers.pop() + text);
      },
      status: () => {},
      end: () => answers.push(""),
      note: (line) => notes.push(line),
      ...screen,
    },
  );
  const prompts = () => completer.requests.map(({ prompt }) => Buffer.from(prompt).toString());
  return { chat, completer, prompts, notes, answers: () => answers.slice(0, -1) };
}

describe("what is said", () => {
  test("goes to the model with all before it, until it is forgotten; a system message first", async () => {
    const { chat, prompts, answers, notes } = chatWith({});
    for (const line of ["Hi", " ", "/system Rhyme.", "And?", "/reset", "Now?", "/system", "Who?"])
      await chat.handle(line);
    expect(prompts()).toEqual([
      "<user>Hi<assistant>",
      "<system>Rhyme.<user>Hi<assistant>0 1 2 <user>And?<assistant>",
      "<system>Rhyme.<user>Now?<assistant>",
      "<user>Now?<assistant>0 1 2 <user>Who?<assistant>",
    ]);
    expect(answers()).toEqual(Array(4).fill("0 1 2 "));
    expect(notes).toEqual(["system message set", "forgotten", "no system message"]);
  });

  test("what does not fit, and what a template refuses, is noted and leaves no trace", async () => {
    const { chat, prompts, notes } = chatWith({ contextLength: 30 });
    await chat.handle("a".repeat(20));
    await chat.handle("b");
    expect(notes).toEqual([expect.stringMatching(/has 37 tokens, and the model's context is 30: \/reset forgets/)]);
    expect(prompts()).toEqual(["<user>b<assistant>"]);
  });

  test("unknown commands show those that there are", async () => {
    const { chat, notes, completer } = chatWith({});
    await chat.handle("/deep 4");
    expect(notes[0]).toBe("there is no /deep:");
    expect(notes.some((line) => line.startsWith("/depth N"))).toBe(true);
    expect(completer.started).toBe(0);
  });
});

describe("the depth", () => {
  test("is shown and changed between answers", async () => {
    const { chat, completer, notes } = chatWith({});
    for (const line of ["a", "/depth", "/depth 4", "b", "/depth none", "/depth 0"]) await chat.handle(line);
    expect(completer.requests.map(({ deliberation }) => deliberation)).toEqual([
      { policy: "fixed", iterations: 2 },
      { policy: "fixed", iterations: 4 },
    ]);
    expect(notes).toEqual([
      "depth 2",
      "depth 4",
      expect.stringMatching(/at least 1, but is "none"/),
      expect.stringMatching(/at least 1, but is "0"/),
    ]);
    expect(chat.depth).toBe("depth 4");
  });

  test("and while the model answers: it goes on from what it has said", async () => {
    const depths: number[] = [];
    const given = chatWith(
      {
        beforeToken: (index, { deliberation }) => {
          if (index === 2 && deliberation?.policy === "fixed" && deliberation.iterations === 2)
            given.chat.command("/depth 5");
        },
      },
      { maxNewTokens: 6 },
      {
        status: ({ depth, newTokens }) => {
          depths[newTokens] ??= depth;
        },
      },
    );
    await given.chat.handle("a");
    // Two tokens ("0" and "1" are what the planted model calls them), then four of the second generation.
    expect(given.prompts()).toEqual(["<user>a<assistant>", "<user>a<assistant>01"]);
    expect(given.completer.requests.map(({ maxNewTokens }) => maxNewTokens)).toEqual([6, 4]);
    expect(given.answers()).toEqual(["0 1 0 1 2 3 "]);
    expect(depths.slice(1)).toEqual([2, 2, 5, 5, 5, 5]);
  });
});

describe("the deliberation", () => {
  test("is shown and changed, also while the model answers; what cannot be is noted and changes nothing", async () => {
    const policies: (string | undefined)[] = [];
    const given = chatWith(
      {
        beforeToken: (index, { deliberation }) => {
          if (index !== 1 || deliberation?.policy !== "fixed" || deliberation.iterations !== 2) return;
          given.chat.command("/deliberation forever");
          given.chat.command("/deliberation probe:maximum=4");
          given.chat.command("/deliberation until-decided:entropy-nats=0.5,maximum=4");
        },
      },
      {},
      { end: ({ policy }) => policies.push(policy) },
    );
    await given.chat.handle("a");
    expect(given.completer.requests.map(({ deliberation }) => deliberation)).toEqual([
      { policy: "fixed", iterations: 2 },
      { policy: "until-decided", entropyNats: 0.5, maximum: 4 },
    ]);
    for (const line of ["/deliberation", "/depth", "/depth 1", "b"]) await given.chat.handle(line);
    const text = "until-decided:entropy-nats=0.5,maximum=4";
    expect(given.notes).toEqual([
      expect.stringMatching(/"forever" is not understood, since there is no policy "forever"; there are fixed:2/),
      expect.stringMatching(/probe beside the model.*sst probe train/),
      text,
      text,
      text,
      "depth 1",
    ]);
    expect(policies).toEqual([text, undefined]);
  });

  test("that goes by a probe is refused at once where there is none", () => {
    expect(() => chatWith({}, { deliberation: { policy: "probe", maximum: 4 } })).toThrowError(
      expect.objectContaining({ code: "file-not-found" }),
    );
  });
});

test("a stop text ends an answer and is no part of it, found also where the depth changes in its middle", async () => {
  for (const isChanged of [false, true]) {
    const given = chatWith(
      {
        textOf: (index) => "ENDE more"[index] ?? "",
        beforeToken: (index, { deliberation }) => {
          const isFirst = deliberation?.policy === "fixed" && deliberation.iterations === 2;
          if (isChanged && isFirst && index === 3) given.chat.command("/depth 3");
        },
      },
      { stop: ["NDE"], maxNewTokens: 9 },
    );
    await given.chat.handle("a");
    expect(given.answers()).toEqual(["E"]);
    expect(given.completer.requests).toHaveLength(isChanged ? 2 : 1);
    expect(given.completer.running).toBe(0);
  }
});

test("an answer that is stopped stays as far as it was said; quitting ends it too", async () => {
  const given = chatWith({ beforeToken: (index) => (index === 1 ? given.chat.stop() : undefined) });
  await given.chat.handle("a");
  await given.chat.handle("b");
  expect(given.prompts()[1]).toBe("<user>a<assistant>0 <user>b<assistant>");
  expect(given.answers()).toEqual(["0 ", "0 "]);
  const quitting = chatWith({ beforeToken: (index) => (index === 1 ? quitting.chat.command("/quit") : undefined) });
  await quitting.chat.handle("a");
  await quitting.chat.handle("b");
  expect([quitting.chat.hasEnded, quitting.answers(), quitting.completer.running]).toEqual([true, ["0 "], 0]);
});

describe("screens", () => {
  const status = { depth: 3, newTokens: 7, iterations: 21, tokensPerSecond: 12.34 };
  const collect = () => {
    const written: string[] = [];
    return { written, write: (text: string) => written.push(text), rows: 10 };
  };

  test("pipes: answers on one side, the rest on the other", () => {
    const [answers, notes] = [collect(), collect()];
    const screen = plainScreen(answers, notes);
    screen.answer("a\x1b[2Jb");
    screen.status(status);
    screen.end(status);
    screen.note("noted");
    expect(answers.written.splice(0).join("")).toBe("a\x1b[2Jb\n");
    screen.end({ ...status, policy: "probe:maximum=4" });
    expect(notes.written.join("")).toBe(
      "depth 3 · 7 tokens · 21 iterations · 12.3 tokens/s\nnoted\n" +
        "depth 3 by probe:maximum=4 · 7 tokens · 21 iterations · 12.3 tokens/s\n",
    );
  });

  test("a terminal: the foot is kept out of what scrolls while an answer comes, and given back; no orders from the model", () => {
    const terminal = collect();
    const screen = new TerminalScreen(terminal);
    screen.answer("a\x1b[2Jb\n\tc\x9b");
    expect(terminal.written.splice(0)).toEqual(["a\ufffd[2Jb\n\tc\ufffd"]);
    screen.status(status);
    const shown = terminal.written.splice(0).join("");
    expect(shown).toContain("\x1b[1;9r");
    expect(shown).toContain("\x1b[10;1H\x1b[2K\x1b[2mdepth 3 · 7 tokens");
    screen.end(status);
    expect(terminal.written.join("")).toContain("\x1b7\x1b[r\x1b8");
    terminal.written.splice(0);
    screen.release();
    expect(terminal.written).toEqual([]);
  });
});

describe("as a process", () => {
  const scratch = mkdtempSync(join(tmpdir(), "sst-chat-"));
  afterAll(() => rmSync(scratch, { recursive: true }));
  const folder = join(scratch, "small-chat");

  test("through pipes: what the command line generates for the same text, and a second line with the first in mind", async () => {
    await writeSmallChatModel(folder);
    const child = spawn(process.execPath, [
      program,
      "chat",
      "--model",
      folder,
      "--backend",
      "cpu",
      "--max-new-tokens",
      "6",
    ]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (piece) => (stdout += piece));
    child.stderr.on("data", (piece) => (stderr += piece));
    child.stdin.end(
      "What is it?\n/depth 3\n/reset\nWhat is it?\n/deliberation until-converged:tolerance=0,maximum=2\n/reset\nWhat is it?\n/quit\nnever\n",
    );
    expect(await new Promise((resolve) => child.on("close", resolve)), stderr).toBe(0);
    const prompt =
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is it?<|im_end|>\n<|im_start|>assistant\n";
    let expected = "";
    for (const policy of ["fixed:1", "fixed:3", "until-converged:tolerance=0,maximum=2"]) {
      const parameters = ["--backend", "cpu", "--prompt", prompt, "--max-new-tokens", "6", "--deliberation", policy];
      const { stdout: generated } = await sst("generate", "--model", folder, ...parameters, "--json");
      expected += `${JSON.parse(generated).continuation}\n`;
    }
    expect(stdout).toBe(expected);
    expect(stderr.split("\n")).toEqual([
      expect.stringMatching(/^depth 1 · \d tokens · \d iterations · [\d.]+ tokens\/s$/),
      "depth 3",
      "forgotten",
      expect.stringMatching(/^depth 3 · \d tokens · \d+ iterations · [\d.]+ tokens\/s$/),
      "until-converged:tolerance=0,maximum=2",
      "forgotten",
      expect.stringMatching(/^depth 2 by until-converged:tolerance=0,maximum=2 · \d tokens · \d+ iterations · /),
      "",
    ]);
  });

  test("a model without a template is refused in words", async () => {
    await writeSmallChatModel(folder);
    rmSync(join(folder, "tokenizer_config.json"));
    const { code, stderr } = await sst("chat", "--model", folder, "--backend", "cpu");
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: small-chat has no chat template .* sst generate\n$/),
    ]);
  });
});
