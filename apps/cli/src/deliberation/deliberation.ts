/** How long a model thinks at each position, as requests, options and the chat's commands say it: one schema for all of them. */
import { type DeliberationPolicy, fixed, type HaltingProbe, probed, untilConverged, untilDecided } from "@sst/infer";
import { SstError } from "@sst/tensor";
import * as v from "valibot";

export type Deliberation =
  | { readonly policy: "fixed"; readonly iterations: number }
  | { readonly policy: "until-converged"; readonly tolerance: number; readonly maximum: number }
  | {
      readonly policy: "until-decided";
      readonly entropyNats?: number;
      readonly changeNats?: number;
      readonly changeBits?: number;
      readonly maximum: number;
    }
  | { readonly policy: "probe"; readonly threshold?: number; readonly maximum: number };

export type PolicyName = Deliberation["policy"];

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const notNegative = v.pipe(v.number(), v.minValue(0), v.finite());
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const boundsOfDecided = ["entropy_nats", "change_nats", "change_bits"] as const;

/** Settings as they are written: units in names, in snake case. */
const settings = v.variant("policy", [
  v.strictObject({ policy: v.literal("fixed"), iterations: count }),
  v.strictObject({ policy: v.literal("until-converged"), tolerance: notNegative, maximum: count }),
  v.strictObject({
    policy: v.literal("until-decided"),
    entropy_nats: v.optional(notNegative),
    change_nats: v.optional(notNegative),
    change_bits: v.optional(notNegative),
    maximum: count,
  }),
  v.strictObject({ policy: v.literal("probe"), threshold: v.optional(share), maximum: count }),
]);

export const deliberationSchema = v.pipe(
  settings,
  v.check(
    (given) => given.policy !== "until-decided" || boundsOfDecided.some((bound) => given[bound] !== undefined),
    `until-decided needs a bound: ${boundsOfDecided.join(", ")}`,
  ),
  v.transform(withFieldNames),
);

function withFieldNames(given: v.InferOutput<typeof settings>): Deliberation {
  const named = Object.entries(given).map(([key, value]) => [
    key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined));
}

/** The most iterations that a position has. */
export function mostIterations(asked: Deliberation): number {
  return asked.policy === "fixed" ? asked.iterations : asked.maximum;
}

/** A fixed number is one for every position, as in `generate`; what looks on looks at what is generated. */
export function promptIterations(asked: Deliberation): number {
  return asked.policy === "fixed" ? asked.iterations : 1;
}

/**
 * @param probe the model's own, for the policy that goes by it
 * @throws SstError `file-not-found` where there is none
 */
export function policyOf(asked: Deliberation, probe: HaltingProbe | undefined): DeliberationPolicy {
  switch (asked.policy) {
    case "fixed":
      return fixed(asked.iterations);
    case "until-converged":
      return untilConverged(asked);
    case "until-decided":
      return untilDecided(asked);
    case "probe":
      if (probe === undefined) throw new SstError("file-not-found", withoutProbe);
      return probed(probe, asked);
  }
}

export const withoutProbe =
  'the deliberation "probe" goes by a probe beside the model (probe.json), and there is none: train one with sst probe train, or take another deliberation';
