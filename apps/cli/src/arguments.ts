/** Parsing and describing the options that several commands share. */
import {
  type ActivationFormat,
  activationFormats,
  type ForwardOptions,
  paperAlpha,
  type Solver,
  type StateStreamConfig,
} from "@sst/layers";
import { SstError, type WeightFormat, weightFormats } from "@sst/tensor";
import { type Command, InvalidArgumentError, Option } from "commander";

export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`It should be a whole number of at least ${minimum}.`);
  };
}

/** At least 1 each, separated by commas. */
export function wholeNumbers(text: string): number[] {
  const values = text.split(",").map(Number);
  if (text.trim() !== "" && values.every((value) => Number.isSafeInteger(value) && value >= 1)) return values;
  throw new InvalidArgumentError("It should be whole numbers of at least 1, such as 1,2,3,4.");
}

export function number(
  minimum = Number.NEGATIVE_INFINITY,
  maximum = Number.POSITIVE_INFINITY,
): (text: string) => number {
  return numberWhere((value) => value >= minimum && value <= maximum, rangeOf(minimum, maximum));
}

/** Above the bound, not at it. */
export function numberAbove(bound: number, maximum = Number.POSITIVE_INFINITY): (text: string) => number {
  const most = maximum === Number.POSITIVE_INFINITY ? "" : ` and at most ${maximum}`;
  return numberWhere((value) => value > bound && value <= maximum, ` above ${bound}${most}`);
}

function numberWhere(isFine: (value: number) => boolean, range: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && isFine(value)) return value;
    throw new InvalidArgumentError(`It should be a number${range}.`);
  };
}

function rangeOf(minimum: number, maximum: number): string {
  if (maximum !== Number.POSITIVE_INFINITY) return ` from ${minimum} to ${maximum}`;
  return minimum === Number.NEGATIVE_INFINITY ? "" : ` at least ${minimum}`;
}

/** Of an option that can be given several times. */
export function addText(text: string, before: readonly string[] = []): string[] {
  if (text === "") throw new InvalidArgumentError("It should not be empty.");
  return [...before, text];
}

/** A day such as 2026-01-31, in local time. */
export function day(text: string): Date {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const value = new Date(Number(year), Number(month) - 1, Number(date));
  // Days that there are not go on in the next month.
  if (value.getDate() === Number(date)) return value;
  throw new InvalidArgumentError("It should be a day such as 2026-01-31.");
}

/** Every command takes a backend and can speak to machines. */
export function withCommonOptions(command: Command): Command {
  return command
    .option("--backend <name>", "device to run on: see `sst devices` (default: the best available)")
    .option("--json", "print the result as JSON");
}

export interface CommonOptions {
  readonly backend?: string;
  readonly json?: boolean;
}

/** How a forward pass runs. */
export type SolverOptions = Pick<ForwardOptions, "solver" | "sweeps" | "propagation">;

export const solvers: readonly string[] = ["sequential", "layerwise", "two-pass"] satisfies Solver[];

export function withSolverOptions(command: Command, choices = solvers): Command {
  return command
    .addOption(
      new Option("--solver <name>", "how the recurrence is solved (default: sequential, the exact one)").choices(
        choices,
      ),
    )
    .option("--sweeps <K>", "sweeps of layerwise, passes of two-pass (default: 2)", wholeNumber(1))
    .addOption(
      new Option("--propagation <name>", "how a sweep's states reach the next one (default: scan)").choices([
        "shift",
        "scan",
      ]),
    );
}

/** For commands that run a model without changing it. */
export function withPackingOptions(command: Command): Command {
  return withQuantizeOption(command).addOption(
    new Option(
      "--activations <format>",
      "beside --quantize int4 or int8: what is multiplied with the matrices, rounded too for faster tokens (default: float32)",
    ).choices(activationFormats),
  );
}

export interface PackingOptions extends QuantizeOption {
  readonly activations?: ActivationFormat;
}

/** What loading a model is told of them. */
export function packingOf({ quantize, activations }: PackingOptions): PackingOptions {
  return { ...(quantize && { quantize }), ...(activations && { activations }) };
}

/** For commands that train beside packed matrices, or only plan. */
export function withQuantizeOption(command: Command): Command {
  return command.addOption(
    new Option("--quantize <format>", "round the matrices to few bits: less memory and faster tokens").choices(
      weightFormats,
    ),
  );
}

export interface QuantizeOption {
  readonly quantize?: WeightFormat;
}

/** The options that were given, and only those: the model's own code knows the defaults and the contradictions. */
export function forwardOptions(
  options: SolverOptions & Pick<ForwardOptions, "iterations" | "recompute" | "streamOff">,
): ForwardOptions {
  const { solver, sweeps, propagation, iterations, recompute, streamOff } = options;
  const given = Object.entries({ solver, sweeps, propagation, iterations, recompute, streamOff });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** The bounds of the blend, for commands that make a stream. */
export function withAlphaOptions(command: Command): Command {
  return command
    .option("--alpha-min <X>", "lower bound of the blend", number(0, 0.999), paperAlpha.alphaMin)
    .option("--alpha-max <X>", "upper bound of the blend", number(0, 0.999), paperAlpha.alphaMax);
}

/** @throws SstError `contradiction` for bounds the wrong way round */
export function alphaBounds({ alphaMin, alphaMax }: StateStreamConfig): StateStreamConfig {
  if (alphaMin <= alphaMax) return { alphaMin, alphaMax };
  throw new SstError("contradiction", `--alpha-min (${alphaMin}) should not be above --alpha-max (${alphaMax})`);
}
