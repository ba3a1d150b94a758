/** What the experiment leaves behind: `results.json`, and the only thing that the report is made from. */
import type { EvaluationRow, ProbeAssessment } from "@sst/eval";
import type { StateStreamConfig } from "@sst/layers";

export type Variant = "stream" | "baseline";

/** One row of an evaluation; the verdicts are 1 (right) or 0 by question, in one string. */
export interface Row extends Pick<EvaluationRow, "name" | "accuracy" | "flops" | "iterations"> {
  readonly verdicts: string;
}

/** The same questions put to both models. */
export interface QuestionSet {
  readonly title: string;
  /** Whether training saw questions as hard as these. */
  readonly role: "trained" | "harder";
  readonly questions: number;
  readonly baseline: Row;
  /** With the stream, at each depth. */
  readonly depths: readonly Row[];
  /** Of the depths: it takes an oracle that knows which depth to believe, and is not an accuracy of the model. */
  readonly unionOverDepths: number;
  /** The stream where a probe, trained on the answers of another set, chooses between one iteration and the most. */
  readonly probed?: Row;
  /** The backbone before co-training. */
  readonly backbone: number;
  /** The backbone where the number after every sentence is written into the prompt; generated problems only. */
  readonly backboneWithSteps?: number;
}

/** Nats per token of the answers. */
export interface AnswerLosses {
  readonly backbone: number;
  readonly baseline: number;
  readonly stream: number;
}

export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
}

export interface SeedResult {
  readonly seed: number;
  /** Of the training steps alone. */
  readonly seconds: { readonly pretraining?: number } & Readonly<Record<Variant, number>>;
  readonly sets: readonly QuestionSet[];
  /** Loss on the held-out answers; with a real backbone only. */
  readonly losses?: AnswerLosses;
  readonly curves: Readonly<Record<Variant, readonly CurvePoint[]>>;
  /** Learned blend factors: for each layer its dimensions' alphas. */
  readonly alphas: readonly (readonly number[])[];
  /** What a probe of the latent states is worth on the questions of the first set, or why there is none. */
  readonly probe: ProbeAssessment | { readonly missing: string };
}

export interface Results {
  readonly createdAt: string;
  readonly backend: string;
  /** In words, for the report. */
  readonly experiment: {
    readonly kind: "generated" | "real";
    readonly backbone: string;
    readonly data: string;
    readonly training: string;
    /** The range that alpha learns in. */
    readonly alpha: StateStreamConfig;
    /** Share of right answers by guessing; absent where nobody guesses. */
    readonly chance?: number;
    /** A problem as the model reads it, and its answer. */
    readonly example: { readonly text: string; readonly answer: string };
  };
  readonly runs: readonly SeedResult[];
}
