/** A chat, line by line: messages are answered as they are generated, lines that begin with a slash are commands. */
import { SstError } from "@sst/tensor";
import type { Completer, CompletionRequest } from "../serve/completer.js";
import type { ServedModel } from "../serve/server.js";
import { Conversation } from "./conversation.js";

/** Where a chat is seen. */
export interface Screen {
  /** A piece of the answer. */
  answer(text: string): void;
  status(status: Status): void;
  /** The answer is over, for better or worse. */
  end(status: Status): void;
  note(line: string): void;
}

export interface Status {
  /** Iterations that the last token had, or that the next one has had so far. */
  readonly depth: number;
  readonly newTokens: number;
  readonly iterations: number;
  readonly tokensPerSecond: number;
}

export interface ChatOptions {
  readonly depth: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly sampling: Pick<CompletionRequest, "temperature" | "topK" | "topP" | "minP">;
}

const help = [
  "/depth N      iterations at every position from here on, within an answer too",
  "/system TEXT  what the model is told before everything; without a text, nothing",
  "/reset        forgets what was said",
  "/quit         ends",
];

export class Chat {
  readonly #completer: Completer;
  readonly #conversation: Conversation;
  #depth: number;
  #answers = 0;
  #hasEnded = false;
  /** Of the generation that runs: it is ended to stop the answer, or to go on at another depth. */
  #running: AbortController | undefined;
  #isStopped = false;

  /** @throws SstError `file-not-found` for a model without a chat template */
  constructor(
    model: ServedModel,
    private readonly options: ChatOptions,
    private readonly screen: Screen,
  ) {
    if (model.template === undefined) {
      throw new SstError(
        "file-not-found",
        `${model.completer.modelId} has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): ` +
          "put one beside the model, or continue texts with sst generate",
      );
    }
    this.#completer = model.completer;
    this.#conversation = new Conversation(model.template, model.tokenizer);
    this.#depth = options.depth;
  }

  get depth(): number {
    return this.#depth;
  }

  get isAnswering(): boolean {
    return this.#running !== undefined;
  }

  /** Whether it was told to end. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What goes wrong with a line is noted, and the chat goes on as if the line had not been. */
  async handle(line: string): Promise<void> {
    const text = line.trim();
    if (text === "" || this.#hasEnded) return;
    try {
      if (text.startsWith("/")) this.command(text);
      else await this.#answer(text);
    } catch (error) {
      if (!(error instanceof SstError)) throw error;
      this.screen.note(error.message);
    }
  }

  /** Ends the answer; what was said of it stays. */
  stop(): void {
    this.#isStopped = true;
    this.#running?.abort();
  }

  /** Also while an answer is generated. */
  command(line: string): void {
    const [, name, rest] = /^\/(\S*)\s*(.*)$/s.exec(line) as unknown as [string, string, string];
    if (name === "depth") this.#changeDepth(rest);
    else if (name === "system") {
      this.#conversation.system = rest;
      this.screen.note(rest === "" ? "no system message" : "system message set");
    } else if (name === "reset") {
      this.#conversation.reset();
      this.screen.note("forgotten");
    } else if (name === "quit") {
      this.#hasEnded = true;
      this.stop();
    } else {
      for (const each of name === "help" ? help : [`there is no /${name}:`, ...help]) this.screen.note(each);
    }
  }

  #changeDepth(text: string): void {
    const depth = Number(text);
    if (text !== "" && Number.isSafeInteger(depth) && depth >= 1) {
      this.#depth = depth;
      this.#running?.abort();
    } else if (text !== "") {
      this.screen.note(`the depth should be a whole number of at least 1, but is "${text}"`);
      return;
    }
    this.screen.note(`depth ${this.#depth}`);
  }

  async #answer(question: string): Promise<void> {
    const prompt = this.#conversation.promptFor(question);
    const room = Math.min(this.options.maxNewTokens, this.#completer.contextLength - prompt.length);
    if (room < 1) {
      throw new SstError(
        "context-overflow",
        `with this the conversation has ${prompt.length} tokens, and the model's context is ${this.#completer.contextLength}: ` +
          "/reset forgets what was said",
      );
    }
    const startedAt = performance.now();
    const tokens: number[] = [];
    let [text, depth, iterations] = ["", this.#depth, 0];
    const status = (): Status => {
      const tokensPerSecond = (1000 * tokens.length) / (performance.now() - startedAt);
      return { depth, newTokens: tokens.length, iterations, tokensPerSecond };
    };
    const say = (piece: string) => {
      text += piece;
      this.screen.answer(piece);
    };
    this.#isStopped = false;
    try {
      for (let isOver = false; !isOver; ) {
        for await (const event of this.#generate([...prompt, ...tokens], room - tokens.length)) {
          if (event.event === "iteration-end") depth = event.iteration;
          else if (event.event === "token-delta") {
            tokens.push(event.token);
            depth = event.iterations;
            iterations += event.iterations;
            say(event.text);
          } else {
            isOver = event.reason !== "aborted" || this.#isStopped;
            // Where the answer goes on at another depth, what is held back comes from there.
            if (isOver) say(event.text);
          }
          this.screen.status(status());
        }
      }
    } finally {
      this.#running = undefined;
      this.screen.end(status());
    }
    if (text !== "") this.#conversation.add(question, text);
  }

  #generate(prompt: readonly number[], maxNewTokens: number) {
    this.#running = new AbortController();
    const { sampling, seed } = this.options;
    return this.#completer.complete({
      ...sampling,
      prompt,
      maxNewTokens,
      seed: seed + this.#answers++,
      stop: [],
      deliberation: { policy: "fixed", iterations: this.#depth },
      signal: this.#running.signal,
    });
  }
}
