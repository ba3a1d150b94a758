/** What the experiment leaves behind: `results.json`, and the only thing that the report is made from. */

import type { ThinkResult } from "./think-longer/result.js";

export interface AccuracyAtLength {
  /** Of the answer at the last position. */
  readonly last: number;
  /** Of all answers. */
  readonly all: number;
  /** Of the answer at each position, from the first symbol on. */
  readonly byPosition: readonly number[];
}

export interface RunResult {
  readonly part: "scratch" | "cotrained";
  readonly task: string;
  readonly seed: number;
  /** Whether the model has the state stream; the run without it is the matched baseline. */
  readonly stream: boolean;
  readonly solver: string;
  readonly steps: number;
  readonly seconds: number;
  readonly trainedLength: number;
  /** By sequence length: the trained one, twice and four times it. */
  readonly accuracy: Readonly<Record<string, AccuracyAtLength>>;
  /** Accuracy of the last answer at the trained length by iterations at the answer position ("1" to "4"); stream only. */
  readonly accuracyByIterations?: Readonly<Record<string, number>>;
  /** Loss in nats, every few steps. */
  readonly lossCurve: readonly { readonly step: number; readonly loss: number }[];
  /** Learned blend factors: for each layer its dimensions' alphas; stream only. */
  readonly alphas?: readonly (readonly number[])[];
  /** Folder of the saved model, relative to results.json. */
  readonly model: string;
}

export interface Results {
  readonly createdAt: string;
  readonly backend: string;
  readonly chance: Readonly<Record<string, number>>;
  readonly evaluatedSequences: number;
  readonly runs: readonly RunResult[];
  /** The part "think longer". */
  readonly thinking: readonly ThinkResult[];
}
