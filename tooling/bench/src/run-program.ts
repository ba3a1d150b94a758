/** A program that is run to its end. */
import { type ExecFileOptions, execFile } from "node:child_process";
import { promisify } from "node:util";
import { EngineError } from "./engine/errors.js";

/** @returns what it printed. @throws EngineError with the last words of a program that fails */
export async function runProgram(program: string, args: string[], options: ExecFileOptions = {}): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { ...options, encoding: "utf8" });
    return stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const reason = stderr?.trim().split("\n").at(-1) || message;
    throw new EngineError(`${program} failed: ${reason}`, { cause: error });
  }
}
