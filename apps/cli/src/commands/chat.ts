/** `sst chat`: a conversation in a terminal, or through pipes. */
import { createInterface } from "node:readline";
import { Command } from "commander";
import { addText, type PackingOptions, packingOf, wholeNumber, withPackingOptions } from "../arguments.js";
import { openBackend } from "../backend.js";
import { Chat, type ChatOptions } from "../chat/chat.js";
import { plainScreen, TerminalScreen } from "../chat/screens.js";
import {
  type DeliberationOptions,
  deliberationOf,
  withDeliberationOptions,
} from "../deliberation/deliberation-text.js";
import { modelDescription } from "../model-source.js";
import { type SamplingFlags, samplingOf, withSamplingOptions } from "../sampling-options.js";
import { loadServedModel } from "../serve/load-served-model.js";

interface ChatCommandOptions extends PackingOptions, DeliberationOptions, SamplingFlags {
  readonly backend?: string;
  readonly model: string;
  readonly maxNewTokens: number;
  readonly system?: string;
  readonly stop?: readonly string[];
}

export function chatCommand(): Command {
  const command = new Command("chat")
    .description("Talk with a model that has a chat template; /help says what can be changed meanwhile")
    .requiredOption("--model <model>", modelDescription)
    .option("--backend <name>", "device to run on: see `sst devices` (default: the best available)")
    .option("--max-new-tokens <N>", "tokens of an answer at most", wholeNumber(1), 1024)
    .option("--system <text>", "what the model is told before everything")
    .option("--stop <text>", "a text that ends an answer and is left out; can be given several times", addText);
  return withPackingOptions(withSamplingOptions(withDeliberationOptions(command))).action(run);
}

async function run(options: ChatCommandOptions): Promise<void> {
  const wishes = chatOptions(options);
  await openBackend(options.backend);
  const model = await loadServedModel(options.model, packingOf(options));
  try {
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
    const screen = isTerminal ? terminalScreen() : plainScreen(process.stdout, process.stderr);
    const chat = new Chat(model, wishes, screen);
    if (options.system !== undefined) chat.command(`/system ${options.system}`);
    await (isTerminal ? talk(chat) : answerLines(chat));
  } finally {
    model.completer.dispose();
  }
}

function terminalScreen(): TerminalScreen {
  const screen = new TerminalScreen(process.stdout);
  process.on("exit", () => screen.release());
  return screen;
}

function chatOptions(options: ChatCommandOptions): ChatOptions {
  const { seed = 0, ...sampling } = samplingOf(options);
  const { maxNewTokens, stop = [] } = options;
  return { deliberation: deliberationOf(options), maxNewTokens, seed, sampling, stop };
}

/** Lines wait for their turn, but commands are heard while an answer comes. */
function talk(chat: Chat): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  let isClosed = false;
  const prompt = () => {
    if (isClosed) return;
    lines.setPrompt(`${chat.depth}> `);
    lines.prompt();
  };
  let [turn, isInterrupted] = [Promise.resolve(), false];
  return new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      isInterrupted = false;
      if (chat.isAnswering && line.startsWith("/")) {
        chat.command(line.trim());
        return;
      }
      turn = turn.then(() => chat.handle(line)).then(() => (chat.hasEnded ? lines.close() : prompt()));
      turn.catch(reject);
    });
    lines.on("SIGINT", () => {
      if (isInterrupted) process.exit(130);
      isInterrupted = true;
      if (chat.isAnswering) chat.stop();
      else {
        process.stdout.write("\nonce more ends\n");
        prompt();
      }
    });
    lines.on("close", () => {
      isClosed = true;
      chat.stop();
      turn.then(resolve, reject);
    });
    prompt();
  });
}

/** Every line is answered before the next one is read. */
async function answerLines(chat: Chat): Promise<void> {
  let isInterrupted = false;
  process.on("SIGINT", () => {
    if (isInterrupted || !chat.isAnswering) process.exit(130);
    isInterrupted = true;
    chat.stop();
  });
  for await (const line of createInterface({ input: process.stdin })) {
    isInterrupted = false;
    await chat.handle(line);
    if (chat.hasEnded) return;
  }
}
