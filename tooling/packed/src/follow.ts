/** Follows the steps of a walk-through. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Packed } from "./pack.js";
import { type Ended, run } from "./stranger.js";
import { change, type Section, type Step, shapeOf } from "./walk-through.js";

export class Follower {
  /** Every command that was run. */
  readonly ended: Ended[] = [];
  folder: string;

  constructor(readonly packed: Packed) {
    this.folder = packed.folder;
  }

  async follow({ steps }: Section): Promise<void> {
    for (const step of steps) {
      if (step.kind === "run") await this.#run(step);
      else if (step.kind === "write") writeFileSync(join(this.folder, step.file), step.content);
      else {
        const file = join(this.folder, step.file);
        writeFileSync(file, change(readFileSync(file, "utf8"), step.hunks));
      }
    }
  }

  /** What a command printed that has been run. */
  outputOf(part: string): string {
    const found = this.ended.find(({ command }) => command.includes(part));
    if (found === undefined) throw new Error(`no command with "${part}" was run`);
    return found.output;
  }

  async #run({ command, prints }: Step & { kind: "run" }): Promise<void> {
    const [name, argument = ""] = command.split(" ");
    if (name === "mkdir") mkdirSync(join(this.folder, argument));
    else if (name === "cd") this.folder = join(this.folder, argument);
    else {
      const ended = await run(command, this.folder, this.packed);
      this.ended.push(ended);
      // A test runner that says FAIL says so with its exit code too.
      const shouldFail = prints.some((line) => line.startsWith("FAIL"));
      expect(ended.code, `${command}\n${ended.output}`)[shouldFail ? "toBeGreaterThan" : "toBe"](0);
      const printed = ended.output.split("\n").map(shapeOf);
      for (const line of prints) expect(printed, `${command}\n${ended.output}`).toContain(shapeOf(line));
    }
  }
}
