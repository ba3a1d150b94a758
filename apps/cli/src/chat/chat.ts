/** A chat, line by line: messages are answered as they are generated, lines that begin with a slash are commands. */
import { type SamplingOptions, StopTexts } from "@sst/infer";
import { SstError } from "@sst/tensor";
import { type Deliberation, promptIterations, withoutProbe } from "../deliberation/deliberation.js";
import { deliberationText, parseDeliberation } from "../deliberation/deliberation-text.js";
import type { Completer } from "../serve/completer.js";
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
  /** What sets the depth, where it is no fixed number. */
  readonly policy?: string;
  readonly newTokens: number;
  readonly iterations: number;
  readonly tokensPerSecond: number;
}

export interface ChatOptions {
  readonly deliberation: Deliberation;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly sampling: SamplingOptions;
  /** Texts that end an answer, and are no part of it. */
  readonly stop: readonly string[];
}

const help = [
  "/depth N              iterations at every position from here on, within an answer too",
  "/deliberation POLICY  the same with a policy, such as until-converged:tolerance=0.01,maximum=4",
  "/system TEXT          what the model is told before everything; without a text, nothing",
  "/reset                forgets what was said",
  "/quit                 ends",
];

export class Chat {
  readonly #completer: Completer;
  readonly #conversation: Conversation;
  #deliberation: Deliberation;
  #answers = 0;
  #hasEnded = false;
  /** Of the generation that runs: it is ended to stop the answer, or to go on at another depth. */
  #running: AbortController | undefined;
  #isStopped = false;

  /** @throws SstError `file-not-found` for a model without a chat template, or without the probe that is to set the depth */
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
    this.#deliberation = this.#possible(options.deliberation);
  }

  /** How long it thinks, in words. */
  get depth(): string {
    const asked = this.#deliberation;
    return asked.policy === "fixed" ? `depth ${asked.iterations}` : deliberationText(asked);
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
    else if (name === "deliberation") this.#changeDeliberation(rest);
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
    const iterations = Number(text);
    if (text !== "" && Number.isSafeInteger(iterations) && iterations >= 1)
      this.#think({ policy: "fixed", iterations });
    else if (text === "") this.screen.note(this.depth);
    else this.screen.note(`the depth should be a whole number of at least 1, but is "${text}"`);
  }

  #changeDeliberation(text: string): void {
    if (text === "") {
      this.screen.note(deliberationText(this.#deliberation));
      return;
    }
    try {
      this.#think(this.#possible(parseDeliberation(text)));
    } catch (error) {
      // It may stand within an answer, which goes on as it was.
      if (!(error instanceof SstError)) throw error;
      this.screen.note(error.message);
    }
  }

  /** From here on; an answer that is on its way goes on so. */
  #think(deliberation: Deliberation): void {
    this.#deliberation = deliberation;
    this.#running?.abort();
    this.screen.note(this.depth);
  }

  #possible(deliberation: Deliberation): Deliberation {
    if (this.#completer.abilities.policies.includes(deliberation.policy)) return deliberation;
    throw new SstError("file-not-found", withoutProbe);
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
    // Over all generations of the answer: where one is ended to go on at another depth, a stop text may be half there.
    const stops = new StopTexts(this.options.stop);
    let [text, depth, iterations] = ["", promptIterations(this.#deliberation), 0];
    const status = (): Status => {
      const tokensPerSecond = (1000 * tokens.length) / (performance.now() - startedAt);
      const { policy } = this.#deliberation;
      const shown = policy === "fixed" ? {} : { policy: deliberationText(this.#deliberation) };
      return { depth, ...shown, newTokens: tokens.length, iterations, tokensPerSecond };
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
            say(stops.push(event.text));
          } else {
            isOver = event.reason !== "aborted" || this.#isStopped;
            // Where the answer goes on at another depth, what is held back comes from there.
            if (isOver) say(stops.push(event.text) + stops.end());
          }
          this.screen.status(status());
          isOver ||= stops.found !== undefined;
          if (isOver) break;
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
    return this.#completer.complete([
      {
        ...sampling,
        prompt,
        maxNewTokens,
        seed: seed + this.#answers++,
        stop: [],
        deliberation: this.#deliberation,
        signal: this.#running.signal,
      },
    ]);
  }
}
