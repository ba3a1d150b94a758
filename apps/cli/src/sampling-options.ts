/** How tokens are drawn, for the commands that go on with a text. */
import type { SamplingOptions } from "@sst/infer";
import { SstError } from "@sst/tensor";
import type { Command } from "commander";
import { number, numberAbove, wholeNumber } from "./arguments.js";

export interface SamplingFlags extends Omit<SamplingOptions, "logitBias"> {
  readonly seed?: number;
}

export function withSamplingOptions(command: Command): Command {
  return command
    .option("--temperature <X>", "0 takes the likeliest token (default: 0)", number(0))
    .option("--top-k <N>", "draw from the N likeliest tokens", wholeNumber(1))
    .option("--top-p <X>", "draw from the likeliest tokens that make up this share", numberAbove(0, 1))
    .option("--min-p <X>", "draw from tokens at least this many times as likely as the likeliest", number(0, 1))
    .option(
      "--repetition-penalty <X>",
      "above 1 makes tokens of prompt and text less likely (default: 1)",
      numberAbove(0),
    )
    .option("--presence-penalty <X>", "taken from the logits of tokens in the text (default: 0)", number())
    .option("--frequency-penalty <X>", "the same for each time that a token is there (default: 0)", number())
    .option("--seed <N>", "seed of the draws (default: 0)", wholeNumber(0));
}

const names = {
  temperature: "--temperature",
  topK: "--top-k",
  topP: "--top-p",
  minP: "--min-p",
  repetitionPenalty: "--repetition-penalty",
  presencePenalty: "--presence-penalty",
  frequencyPenalty: "--frequency-penalty",
  seed: "--seed",
} as const satisfies Record<keyof SamplingFlags, string>;

/**
 * The options that were given, and only those.
 *
 * @throws SstError `contradiction` for one that says what to draw from where nothing is drawn
 */
export function samplingOf(flags: SamplingFlags): SamplingFlags {
  const given = (Object.keys(names) as (keyof SamplingFlags)[]).filter((key) => flags[key] !== undefined);
  const idle = given.find((key) => ["topK", "topP", "minP"].includes(key));
  if (idle !== undefined && (flags.temperature ?? 0) === 0) {
    throw new SstError(
      "contradiction",
      `${names[idle]} says what to draw from, but temperature 0 takes the likeliest token: add --temperature 1, or leave it out`,
    );
  }
  return Object.fromEntries(given.map((key) => [key, flags[key]]));
}

/** Those that were given, by their names on the command line. */
export function givenSampling(flags: SamplingFlags): string[] {
  return Object.entries(names).flatMap(([key, name]) =>
    flags[key as keyof SamplingFlags] === undefined ? [] : [name],
  );
}
