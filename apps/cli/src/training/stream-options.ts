/** The options of commands that put a stream into a model, and what does not go with them. */
import type { ModelConfig, StateStreamConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { Command } from "commander";
import { alphaBounds, wholeNumber, withAlphaOptions } from "../arguments.js";

export interface StreamOptions extends StateStreamConfig {
  readonly streamOff?: boolean;
  /** At every position. */
  readonly iterations?: number;
  readonly pack?: boolean;
  readonly recompute?: boolean;
}

export function withStreamOptions(command: Command): Command {
  return withAlphaOptions(command)
    .option("--iterations <N>", "iterations at every position, in training and evaluation (default: 1)", wholeNumber(1))
    .option("--recirculate", "a new stream's later iterations take in what the one before left at the top")
    .option("--stream-off", "train the plain transformer");
}

/**
 * The stream that the options ask for; none with `streamOff`.
 *
 * @throws SstError `contradiction` for bounds the wrong way round, and for a recirculation without stream or iterations
 */
export function newStream(options: StreamOptions): StateStreamConfig | undefined {
  const { iterations = 1, recirculate, streamOff } = options;
  if (recirculate && streamOff) {
    throw new SstError("contradiction", "--recirculate is part of the state stream, which --stream-off leaves out");
  }
  if (recirculate && iterations < 2) {
    throw new SstError(
      "contradiction",
      "--recirculate acts from the second iteration on: say how many there are, with --iterations",
    );
  }
  return streamOff ? undefined : { ...alphaBounds(options), ...(recirculate && { recirculate }) };
}

/**
 * Holds what a model is trained with against its stream.
 *
 * @throws SstError `contradiction`
 */
export function requireFitting({ iterations = 1, pack, recompute }: StreamOptions, { stateStream }: ModelConfig): void {
  if (!stateStream?.recirculate || iterations < 2 || !(pack || recompute)) return;
  const option = pack ? "--pack" : "--recompute";
  throw new SstError(
    "contradiction",
    `with recirculation and iterations a row is read position by position, which ${option} does not go with: leave it out`,
  );
}
