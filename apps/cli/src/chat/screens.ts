/** A chat on a terminal, with a line at its foot that says how deep and how fast; and a chat through pipes. */
import type { Screen, Status } from "./chat.js";

/** As much as `process.stdout` and `process.stderr` have of it. */
export interface Output {
  write(text: string): unknown;
}

export interface TerminalOutput extends Output {
  readonly rows?: number;
}

export function describeStatus({ depth, policy, newTokens, iterations, tokensPerSecond }: Status): string {
  const by = policy === undefined ? "" : ` by ${policy}`;
  return `depth ${depth}${by} · ${newTokens} tokens · ${iterations} iterations · ${tokensPerSecond.toFixed(1)} tokens/s`;
}

/** Answers go to one side, everything else to the other. */
export function plainScreen(answers: Output, notes: Output): Screen {
  return {
    answer: (text) => answers.write(text),
    status: () => {},
    end(status) {
      answers.write("\n");
      notes.write(`${describeStatus(status)}\n`);
    },
    note: (line) => notes.write(`${line}\n`),
  };
}

const refreshMs = 100;
const sequence = (rest: string) => `\x1b${rest}`;
const [save, restore, clearLine] = [sequence("7"), sequence("8"), sequence("[2K")];
const dimmed = (text: string) => `${sequence("[2m")}${text}${sequence("[22m")}`;

/** While an answer comes, the terminal's last row is kept out of what scrolls. */
export class TerminalScreen implements Screen {
  #shownAt = Number.NEGATIVE_INFINITY;
  #rows: number | undefined;

  constructor(private readonly terminal: TerminalOutput) {}

  /** A model may say what a terminal would take for orders. */
  answer(text: string): void {
    this.terminal.write(text.replace(/[^\P{Cc}\n\t]/gu, "\ufffd"));
  }

  status(status: Status): void {
    if (performance.now() - this.#shownAt < refreshMs) return;
    this.#shownAt = performance.now();
    const { rows = 24 } = this.terminal;
    if (rows !== this.#rows) this.#reserve(rows);
    this.#atFoot(dimmed(describeStatus(status)));
  }

  end(status: Status): void {
    this.release();
    this.#shownAt = Number.NEGATIVE_INFINITY;
    this.terminal.write(`\n${dimmed(describeStatus(status))}\n`);
  }

  /** Leaves the terminal as it was; `end` has done so already. */
  release(): void {
    if (this.#rows === undefined) return;
    this.#atFoot("");
    this.#scrolling("[r");
    this.#rows = undefined;
  }

  note(line: string): void {
    this.terminal.write(`${dimmed(line)}\n`);
  }

  #reserve(rows: number): void {
    this.#rows = rows;
    // The cursor may be in the last row: a line more makes room.
    this.terminal.write(`\n${sequence("[1A")}`);
    this.#scrolling(`[1;${rows - 1}r`);
  }

  /** To say what scrolls moves the cursor. */
  #scrolling(rows: string): void {
    this.terminal.write(`${save}${sequence(rows)}${restore}`);
  }

  #atFoot(text: string): void {
    this.terminal.write(`${save}${sequence(`[${this.#rows};1H`)}${clearLine}${text}${restore}`);
  }
}
