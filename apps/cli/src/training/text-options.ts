/** The options of commands that put adapters on a model. */
import { allLinearLayers } from "@sst/layers";
import { defaultLora } from "@sst/train";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.js";

/** What changes in training: everything, adapters and the stream's parameters, or these alone. */
export const trainedParts = ["all", "adapters", "theta"] as const;
export type Trained = (typeof trainedParts)[number];

export interface AdapterOptions {
  readonly rank: number;
  /** Patterns of `targetsMatching`. */
  readonly targets: readonly string[];
  readonly recompute?: boolean;
}

export function withAdapterOptions(command: Command): Command {
  return command
    .option("--rank <N>", "rank of the adapters", wholeNumber(1), defaultLora.rank)
    .option(
      "--targets <pattern...>",
      "linear layers with adapters: last parts of names, globs such as 'model.layers.{0,1}.mlp.*', or /expressions/",
      [...allLinearLayers],
    )
    .option("--recompute", "compute each layer again in the backward pass: less memory, more time");
}
