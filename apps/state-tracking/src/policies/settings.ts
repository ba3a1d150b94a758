/** The policies that are measured, each at several settings. */
import { custom, type DeliberationPolicy, fixed, probed, untilConverged, untilDecided } from "@sst/infer";
import type { Probe } from "@sst/layers";

/** A line of the curve. */
export type Family =
  | "fixed"
  | "untilConverged"
  | "untilDecided, entropy"
  | "untilDecided, change"
  | "probed, survival"
  | "probed, gain"
  | "custom";

export interface Setting {
  readonly family: Family;
  /** What differs within the family. */
  readonly setting: string;
  readonly maximum: number;
  readonly policy: DeliberationPolicy;
}

/** Fitted on other sequences; absent where what they should predict does not occur often enough. */
export interface Probes {
  /** Paper: the answer is right after one iteration and stays so. */
  readonly survival?: Probe;
  /** Ours: the answer is wrong after one iteration, and right after the maximum. */
  readonly gain?: Probe;
}

const tolerances = [1.5, 1, 0.7, 0.5, 0.3, 0.1, 0.03];
const entropies = [0.5, 0.1, 0.03, 0.01, 0.003, 0.001];
const changes = [8, 4, 2, 1, 0.1, 0.01];
const thresholds = [0.1, 0.3, 0.5, 0.7, 0.9];
const margins = [0, 0.9, 0.999];

export function fixedSettings(maximum: number): Setting[] {
  return Array.from({ length: maximum }, (_, index) => index + 1).map((count) => ({
    ...{ family: "fixed", setting: String(count), maximum: count, policy: fixed(count) },
  }));
}

export function settingsFor(maximum: number, probes: Probes): Setting[] {
  const of = <Value>(
    family: Family,
    name: string,
    values: readonly Value[],
    make: (value: Value) => DeliberationPolicy,
  ) => values.map((value): Setting => ({ family, setting: `${name} ${value}`, maximum, policy: make(value) }));
  const probing = (family: Family, probe: Probe | undefined) =>
    probe === undefined
      ? []
      : of(family, "threshold", thresholds, (threshold) => probed(probe, { threshold, maximum }));
  return [
    ...of("untilConverged", "tolerance", tolerances, (tolerance) => untilConverged({ tolerance, maximum })),
    ...of("untilDecided, entropy", "nats", entropies, (entropyNats) => untilDecided({ entropyNats, maximum })),
    ...of("untilDecided, change", "nats", changes, (changeNats) => untilDecided({ changeNats, maximum })),
    ...probing("probed, survival", probes.survival),
    ...probing("probed, gain", probes.gain),
    ...of("custom", "margin", margins, (margin) => sameAnswerTwice(margin, maximum)),
  ];
}

/** A policy of one's own: two iterations agree on the likeliest token, and it is this much more probable than the next one. */
function sameAnswerTwice(margin: number, maximum: number): DeliberationPolicy {
  return custom(
    ({ logits, previousLogits }) => {
      if (logits === undefined || previousLogits === undefined) return false;
      const now = lead(logits);
      return now.token === lead(previousLogits).token && now.margin >= margin;
    },
    { maximum, needs: { logits: true }, name: `sameAnswerTwice(margin ${margin})` },
  );
}

/** The likeliest token, and by how much more probable it is than the next one. */
function lead(logits: Float32Array): { readonly token: number; readonly margin: number } {
  const [first, second] = [...logits.entries()].sort(([, left], [, right]) => right - left) as [
    [number, number],
    [number, number],
  ];
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - first[1]), 0);
  return { token: first[0], margin: (1 - Math.exp(second[1] - first[1])) / total };
}
