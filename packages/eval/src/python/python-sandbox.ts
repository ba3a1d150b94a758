/**
 * Python that a model wrote, run where it can do no harm: in Pyodide, in a process of its own with Node's permission model
 * (it may read Pyodide's folder and the script that starts it, and nothing else), without code from strings, with a limit on
 * memory, output and time. Every program gets a new process, so none can meddle with the next one's verdict. Node only.
 */
import type { ChildProcess } from "node:child_process";
import { SstError } from "@sst/tensor";
import { type SandboxCommand, sandboxCommand } from "./sandbox-command.js";
import { watchMemory } from "./watch-memory.js";

export interface PythonSandboxOptions {
  /** For one program; starting Python does not count. Defaults to 10,000. */
  readonly timeLimitMs?: number;
  /** For starting Python, which takes a few seconds. Defaults to 120,000. */
  readonly startLimitMs?: number;
  /** Of the program's objects, and again of its files. Defaults to 256 MiB. */
  readonly memoryBytes?: number;
  /** What is read of the program's output, and again of its errors; one that prints more is ended. Defaults to 64 KiB. */
  readonly outputBytes?: number;
}

/** How a program ended. */
export type PythonOutcome = "finished" | "raised" | "timed-out" | "too-much-output" | "out-of-memory" | "crashed";

export interface PythonRun {
  readonly outcome: PythonOutcome;
  /** What it printed. */
  readonly output: string;
  /** What went to its standard error, such as the traceback of what it raised. */
  readonly errors: string;
  readonly durationMs: number;
}

const READY = "ready\n";

export class PythonSandbox implements Disposable {
  readonly #limits: Required<PythonSandboxOptions>;
  #command: Promise<SandboxCommand> | undefined;
  /** Started ahead, while the model writes the program that it will run. */
  #spare: Promise<Started> | undefined;
  readonly #running = new Set<ChildProcess>();
  #isDisposed = false;

  constructor(options: PythonSandboxOptions = {}) {
    const {
      timeLimitMs = 10_000,
      startLimitMs = 120_000,
      memoryBytes = 256 * 2 ** 20,
      outputBytes = 2 ** 16,
    } = options;
    this.#limits = { timeLimitMs, startLimitMs, memoryBytes, outputBytes };
    for (const [name, value] of Object.entries(this.#limits)) {
      if (Number.isFinite(value) && value > 0) continue;
      throw new SstError("invalid-argument", `${name} should be a number above 0, but is ${value}`);
    }
  }

  /**
   * Runs a program; whatever it does is told in the outcome.
   *
   * @throws SstError `file-not-found` where Pyodide is not installed, `backend-failed` where it does not start, `disposed`
   */
  async run(program: string): Promise<PythonRun> {
    const started = await (this.#spare ?? this.#start());
    this.#spare = undefined;
    // Told of when it is waited for.
    const spare = this.#start();
    spare.catch(() => {});
    this.#spare = spare;
    return await this.#finish(started, program);
  }

  /** Ends all processes. */
  dispose(): void {
    this.#isDisposed = true;
    for (const child of this.#running) child.kill("SIGKILL");
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #start(): Promise<Started> {
    const { spawn } = await import("node:child_process");
    this.#command ??= sandboxCommand(this.#limits);
    const { file, parameters } = await this.#command;
    if (this.#isDisposed) throw new SstError("disposed", "the Python sandbox was disposed of");
    // An empty environment: nothing that is secret gets in.
    const child = spawn(file, parameters, { env: {}, stdio: "pipe", windowsHide: true });
    this.#running.add(child);
    const ended = new Promise<number | null>((resolve) => {
      child.once("error", () => resolve(null));
      child.once("close", (code) => resolve(code));
    });
    ended.then(() => this.#running.delete(child));
    // A process that is gone is told of by its end.
    child.stdin.on("error", () => {});
    const output = new LimitedText(child.stdout, this.#limits.outputBytes + READY.length);
    const errors = new LimitedText(child.stderr, this.#limits.outputBytes);
    const isReady = await within(this.#limits.startLimitMs, Promise.race([output.startsWith(READY), ended]));
    if (isReady === true) return { child, output, errors, ended };
    child.kill("SIGKILL");
    await ended;
    if (this.#isDisposed) throw new SstError("disposed", "the Python sandbox was disposed of");
    throw new SstError(
      "backend-failed",
      `the Python sandbox does not start${isReady === undefined ? ` within ${this.#limits.startLimitMs} ms` : ""}: ` +
        `${errors.text.trim() || "it says nothing"}`,
    );
  }

  async #finish({ child, output, errors, ended }: Started, program: string): Promise<PythonRun> {
    const startedAt = performance.now();
    let reason: PythonOutcome | undefined;
    const end = (why: PythonOutcome) => {
      reason ??= why;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => end("timed-out"), this.#limits.timeLimitMs);
    for (const stream of [output, errors]) stream.onOverflow(() => end("too-much-output"));
    const stopWatching = await watchMemory(child.pid, this.#limits.memoryBytes, () => end("out-of-memory"));
    child.stdin?.end(program);
    const code = await ended;
    clearTimeout(timer);
    stopWatching();
    if (this.#isDisposed) throw new SstError("disposed", "the Python sandbox was disposed of while a program ran");
    return {
      outcome: reason ?? (code === 0 ? "finished" : code === 1 ? "raised" : "crashed"),
      output: output.text.slice(READY.length),
      errors: errors.text,
      durationMs: performance.now() - startedAt,
    };
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly output: LimitedText;
  readonly errors: LimitedText;
  /** The exit code; null for one that was killed. */
  readonly ended: Promise<number | null>;
}

/** What a stream says, up to a number of bytes. */
class LimitedText {
  readonly #parts: Buffer[] = [];
  #sizeBytes = 0;
  #isOver = false;
  #overflow: () => void = () => {};
  #changed: () => void = () => {};

  constructor(stream: NodeJS.ReadableStream, limitBytes: number) {
    stream.on("data", (part: Buffer) => {
      const room = limitBytes - this.#sizeBytes;
      if (room > 0) this.#parts.push(part.subarray(0, room));
      this.#sizeBytes += Math.min(room, part.length);
      this.#changed();
      if (part.length <= room) return;
      this.#isOver = true;
      this.#overflow();
    });
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString("utf8");
  }

  onOverflow(callback: () => void): void {
    this.#overflow = callback;
    if (this.#isOver) callback();
  }

  startsWith(start: string): Promise<true> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (this.text.startsWith(start)) resolve(true);
      };
      this.#changed();
    });
  }
}

async function within<Result>(durationMs: number, promise: Promise<Result>): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), durationMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
