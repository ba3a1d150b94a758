/** A deliberation as one word, such as `until-converged:tolerance=0.01,maximum=4`. */
import { SstError } from "@sst/tensor";
import { type Command, InvalidArgumentError, Option } from "commander";
import * as v from "valibot";
import { wholeNumber } from "../arguments.js";
import { type Deliberation, deliberationSchema } from "./deliberation.js";

const examples =
  "fixed:2, until-converged:tolerance=0.01,maximum=4, until-decided:entropy-nats=0.5,maximum=4 " +
  "(or change-nats, change-bits), probe:maximum=4 (threshold=0.5)";

/**
 * `fixed:N`, or a policy's name, a colon and its settings.
 *
 * @throws SstError `invalid-argument` saying what is wrong, and what there is
 */
export function parseDeliberation(text: string): Deliberation {
  const [, policy, rest] = /^([^:]*):?(.*)$/s.exec(text) as unknown as [string, string, string];
  const written = policy === "fixed" && /^[^=,]+$/.test(rest) ? `iterations=${rest}` : rest;
  const settings: Record<string, unknown> = { policy };
  for (const setting of written === "" ? [] : written.split(",")) {
    const [, name, value] = /^([a-z-]+)=(.+)$/s.exec(setting) ?? [];
    if (name === undefined || value === undefined) throw notUnderstood(text, `"${setting}" is not a setting`);
    const key = name.replaceAll("-", "_");
    if (Object.hasOwn(settings, key)) throw notUnderstood(text, `${name} is given twice`);
    settings[key] = Number(value);
  }
  const result = v.safeParse(deliberationSchema, settings, { abortEarly: true });
  if (result.success) return result.output;
  throw notUnderstood(text, complaint(result.issues[0], policy));
}

function complaint(issue: v.BaseIssue<unknown>, policy: string): string {
  const path = v.getDotPath(issue);
  if (path === null) return asOption(issue.message);
  const name = asOption(path);
  if (name === "policy") return `there is no policy "${policy}"`;
  if (issue.type === "strict_object" && issue.expected === "never") return `${policy} has no setting ${name}`;
  if (issue.input === undefined) return `${policy} needs ${name}`;
  return `${name} should be ${rangeOf(issue)}`;
}

function rangeOf({ type, requirement }: v.BaseIssue<unknown>): string {
  if (type === "safe_integer") return "a whole number";
  if (type === "min_value") return `at least ${requirement}`;
  if (type === "max_value") return `at most ${requirement}`;
  return "a number";
}

function notUnderstood(text: string, why: string): SstError {
  return new SstError(
    "invalid-argument",
    `the deliberation "${text}" is not understood, since ${why}; there are ${examples}`,
  );
}

/** The way back. */
export function deliberationText(asked: Deliberation): string {
  if (asked.policy === "fixed") return `fixed:${asked.iterations}`;
  const { policy, ...settings } = asked;
  const written = Object.entries(settings).map(([name, value]) => {
    return `${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${value}`;
  });
  return `${policy}:${written.join(",")}`;
}

function asOption(text: string): string {
  return text.replaceAll("_", "-");
}

export interface DeliberationOptions {
  readonly iterations?: number;
  readonly deliberation?: Deliberation;
}

/** Two ways to say it, of which one is given. */
export function withDeliberationOptions(command: Command): Command {
  return command
    .option("--iterations <N>", "iterations at every position (default: 1)", wholeNumber(1))
    .addOption(
      new Option("--deliberation <policy>", `how long it thinks at each generated position: ${examples}`)
        .argParser(deliberationArgument)
        .conflicts("iterations"),
    );
}

function deliberationArgument(text: string): Deliberation {
  try {
    return parseDeliberation(text);
  } catch (error) {
    throw error instanceof SstError ? new InvalidArgumentError(error.message) : error;
  }
}

export function deliberationOf({ iterations = 1, deliberation }: DeliberationOptions): Deliberation {
  return deliberation ?? { policy: "fixed", iterations };
}
