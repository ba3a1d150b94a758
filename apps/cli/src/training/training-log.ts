/** The log of a run: an object a line, appended as the run goes. A resumed run takes it up where its checkpoint stands. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SstError } from "@sst/tensor";
import type { TrainingEvent } from "@sst/train";

/** An event as it is logged. */
export type LoggedEvent = TrainingEvent & {
  /** When, as ISO 8601. */
  readonly time: string;
  /** Which of several runs that go on at once. */
  readonly variant?: string;
};

export class TrainingLog {
  constructor(readonly path: string) {}

  /**
   * What was logged up to a step, after cutting off what a killed run did beyond it; a new run (step 0) begins a new log.
   *
   * @throws SstError `output-not-writable`
   */
  begin(step: number): LoggedEvent[] {
    const kept = step > 0 && existsSync(this.path) ? eventsOf(readFileSync(this.path, "utf8")) : [];
    const history = kept.filter((event) => event.step <= step && event.event !== "end");
    this.#guarded(() => {
      mkdirSync(dirname(this.path), { recursive: true });
      const temporary = `${this.path}.partial-${crypto.randomUUID()}`;
      writeFileSync(temporary, history.map(lineOf).join(""));
      renameSync(temporary, this.path);
    });
    return history;
  }

  /** @throws SstError `output-not-writable` */
  append(event: LoggedEvent): void {
    this.#guarded(() => appendFileSync(this.path, lineOf(event)));
  }

  #guarded(write: () => void): void {
    try {
      write();
    } catch (cause) {
      const { message } = cause as Error;
      throw new SstError("output-not-writable", `the log ${this.path} cannot be written (${message})`, { cause });
    }
  }
}

function lineOf(event: LoggedEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** A run that was killed may have left half a line at the end. */
function eventsOf(text: string): LoggedEvent[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LoggedEvent);
}
