/** The options of commands that train: where a run keeps itself, when it is looked at, when it stops. */
import { type Command, InvalidArgumentError } from "commander";
import { wholeNumber } from "../arguments.js";

export interface RunOptions {
  /** Folder of checkpoints and log. */
  readonly run?: string;
  readonly resume?: boolean;
  readonly checkpointEvery: number;
  readonly keepCheckpoints: number;
  readonly evalEvery?: number;
  readonly patience?: number;
  readonly keepBest?: boolean;
  readonly accumulate: number;
  readonly observeEvery: number;
  /** A port, 0 for any. */
  readonly watch?: number;
}

export function withRunOptions(command: Command): Command {
  return command
    .option("--run <folder>", "keep checkpoints and a log (log.jsonl) of the run there")
    .option("--resume", "go on from the newest checkpoint in --run; all other options as they were")
    .option("--checkpoint-every <N>", "steps from one checkpoint to the next", wholeNumber(1), 100)
    .option("--keep-checkpoints <N>", "how many of them stay, the newest", wholeNumber(1), 3)
    .option("--eval-every <N>", "measure the loss on held-out data every N steps", wholeNumber(1))
    .option("--keep-best", "end with the parameters of the lowest evaluation")
    .option("--accumulate <N>", "batches of a step, their gradients added up", wholeNumber(1), 1)
    .option("--observe-every <N>", "log residuals and alphas every N steps", wholeNumber(1), 25)
    .option("--watch [port]", "serve a live page of the run on this machine", portOrAny);
}

/** For one run: of several side by side none stops before the others. */
export function withPatienceOption(command: Command): Command {
  return command.option(
    "--patience <N>",
    "stop after N evaluations in a row without a new lowest loss",
    wholeNumber(1),
  );
}

function portOrAny(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("It should be a port from 0 to 65535.");
}
