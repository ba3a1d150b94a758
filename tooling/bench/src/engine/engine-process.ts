/** An engine in a child process of its own, kept alive across the rounds. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { EngineError } from "./errors.js";
import type { Reply } from "./serve.js";

/** How an engine is started. */
export interface EngineCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Longer than any turn takes on a slow machine: who is silent for so long hangs. */
const PATIENCE_MS = 300_000;

/** How much of what an engine says beside its answers is kept for the reason why it ended. */
const KEPT_STDERR = 2000;

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #said = "";
  /** What the engine said of itself when it was ready. */
  introduction: Reply = {};

  private constructor({ program, args, env }: EngineCommand) {
    this.#child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    // Told by `#read` as the end of the output.
    this.#child.on("error", (error) => {
      this.#said += error.message;
    });
    // A child that has ended takes no more lines; `#read` says so.
    this.#child.stdin?.on("error", () => {});
    this.#child.stderr?.on("data", (chunk) => {
      this.#said = (this.#said + chunk).slice(-KEPT_STDERR);
    });
    const output = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines = output[Symbol.asyncIterator]();
  }

  /** @throws EngineError with the reason when the engine cannot be started or says that it cannot run */
  static async start(command: EngineCommand): Promise<EngineProcess> {
    const engine = new EngineProcess(command);
    try {
      engine.introduction = await engine.#read();
      return engine;
    } catch (error) {
      engine.stop();
      throw error;
    }
  }

  /** One piece of work. @throws EngineError with the reason when the engine fails or hangs */
  async ask(request: object): Promise<Reply> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.#read();
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }

  async #read(): Promise<Reply> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      const complaint = new EngineError(`no answer within ${PATIENCE_MS / 1000} s`);
      timer = setTimeout(() => reject(complaint), PATIENCE_MS);
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), silence]);
      if (done) throw new EngineError(lastLine(this.#said) || "it ended without a word");
      const reply = parseReply(value);
      if (typeof reply.failed === "string") throw new EngineError(reply.failed);
      return reply;
    } finally {
      clearTimeout(timer);
    }
  }
}

function parseReply(line: string): Reply {
  try {
    return JSON.parse(line) as Reply;
  } catch {
    throw new EngineError(`it answers "${line.slice(0, 80)}" instead of JSON`);
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
