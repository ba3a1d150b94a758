/** `sst chat`: a conversation in a terminal, or through pipes. */
import { createInterface } from "node:readline";
import { Command } from "commander";
import { number, type QuantizeOption, wholeNumber, withQuantizeOption } from "../arguments.js";
import { openBackend } from "../backend.js";
import { Chat, type ChatOptions } from "../chat/chat.js";
import { plainScreen, TerminalScreen } from "../chat/screens.js";
import { modelDescription } from "../model-source.js";
import { loadServedModel } from "../serve/load-served-model.js";

interface ChatCommandOptions extends QuantizeOption {
  readonly backend?: string;
  readonly model: string;
  readonly iterations: number;
  readonly maxNewTokens: number;
  readonly system?: string;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed: number;
}

export function chatCommand(): Command {
  const command = new Command("chat")
    .description("Talk with a model that has a chat template; /help says what can be changed meanwhile")
    .requiredOption("--model <model>", modelDescription)
    .option("--backend <name>", "device to run on: see `sst devices` (default: the best available)")
    .option("--iterations <N>", "iterations at every position, changed by /depth", wholeNumber(1), 1)
    .option("--max-new-tokens <N>", "tokens of an answer at most", wholeNumber(1), 1024)
    .option("--system <text>", "what the model is told before everything")
    .option("--temperature <X>", "0 takes the likeliest token (default: 0)", number(0))
    .option("--top-k <N>", "draw from the N likeliest tokens", wholeNumber(1))
    .option("--top-p <X>", "draw from the likeliest tokens that make up this share", number(0, 1))
    .option("--seed <N>", "seed of the draws", wholeNumber(0), 0);
  return withQuantizeOption(command).action(run);
}

async function run(options: ChatCommandOptions): Promise<void> {
  await openBackend(options.backend);
  const model = await loadServedModel(options.model, { quantize: options.quantize });
  try {
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
    const screen = isTerminal ? terminalScreen() : plainScreen(process.stdout, process.stderr);
    const chat = new Chat(model, chatOptions(options), screen);
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

function chatOptions({ iterations, maxNewTokens, seed, temperature, topK, topP }: ChatCommandOptions): ChatOptions {
  const sampling = Object.entries({ temperature, topK, topP }).filter(([, value]) => value !== undefined);
  return { depth: iterations, maxNewTokens, seed, sampling: Object.fromEntries(sampling) };
}

/** Lines wait for their turn, but commands are heard while an answer comes. */
function talk(chat: Chat): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  let isClosed = false;
  const prompt = () => {
    if (isClosed) return;
    lines.setPrompt(`depth ${chat.depth}> `);
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
