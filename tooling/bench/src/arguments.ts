/** The command line of the runner. */
import { parseArgs } from "node:util";

export interface Arguments {
  /** Names of the measurements to make, in their own order. */
  readonly measurements: readonly string[];
  readonly rounds: number;
}

/** A command line that asks for what there is not. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const DEFAULT_ROUNDS = 5;

/** @throws UsageError naming what was not understood */
export function parseArguments(args: readonly string[], known: readonly string[]): Arguments {
  const { positionals, values } = parse(args);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no measurement "${unknown}"; there are ${known.join(", ")}`);
  }
  const rounds = Number(values.rounds ?? DEFAULT_ROUNDS);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new UsageError(`--rounds should be a whole number of at least 1, but is ${values.rounds}`);
  }
  const measurements = positionals.length === 0 ? known : known.filter((name) => positionals.includes(name));
  return { measurements, rounds };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { rounds: { type: "string" } } });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
