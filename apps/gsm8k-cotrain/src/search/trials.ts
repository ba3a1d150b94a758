/** The settings that the search runs: each differs from the default in what its name says. */
import { paperAlpha, smallAlphaInitialization } from "@sst/layers";
import { storyNames } from "@sst/loaders";
import { defaultSettings, type GeneratedSettings } from "../jobs.js";

export interface Trial {
  readonly name: string;
  readonly settings: GeneratedSettings;
}

/** A line of the results. */
export interface TrialResult {
  readonly trial: string;
  readonly seed: number;
  readonly chance: number;
  /** By number of sentences: shares of right answers. */
  readonly sets: readonly {
    readonly sentences: number;
    readonly stream: number;
    readonly baseline: number;
    readonly backbone: number;
  }[];
  /** Of co-training, both models. */
  readonly seconds: number;
}

interface Changes extends Partial<Omit<GeneratedSettings, "coTraining" | "pretraining">> {
  readonly coTraining?: Partial<GeneratedSettings["coTraining"]>;
  readonly pretraining?: Partial<GeneratedSettings["pretraining"]>;
}

function changed({ coTraining, pretraining, ...rest }: Changes): GeneratedSettings {
  return {
    ...defaultSettings,
    ...rest,
    coTraining: { ...defaultSettings.coTraining, ...coTraining },
    pretraining: { ...defaultSettings.pretraining, ...pretraining },
  };
}

const paperRange = { stateStream: paperAlpha, theta: smallAlphaInitialization.theta };

/** All that was found to help in the paper's range. */
const helpedInPaperRange: Changes = {
  ...{ firstWeights: "small", askedAfter: "words" },
  coTraining: { ...paperRange, stepsPerSentence: 80 },
};

const trialChanges: Readonly<Record<string, Changes>> = {
  "the default": {},
  "asked after every word": { askedAfter: "words" },
  "paper's range of alpha, small first weights": { firstWeights: "small", coTraining: paperRange },
  "paper's range of alpha, small first weights, twice the steps": {
    firstWeights: "small",
    coTraining: { ...paperRange, steps: 1600 },
  },
  "paper's range of alpha, small first weights, asked after every word, problems that grow": helpedInPaperRange,
  "the same with the story compass": { ...helpedInPaperRange, stories: ["compass"] },
  "paper's range of alpha, usual first weights": { coTraining: { ...paperRange, theta: 0 } },
  "two-pass": { coTraining: { solver: { solver: "two-pass" } } },
  "layerwise, two sweeps": { coTraining: { solver: { solver: "layerwise" } } },
  "layerwise, eight sweeps, gradients of all": {
    coTraining: { solver: { solver: "layerwise", sweeps: 8, sweepGradient: "all" } },
  },
  "half the steps": { coTraining: { steps: 400 } },
  "up to ten sentences": { coTraining: { sentences: 10 } },
  "the story compass": { stories: ["compass"] },
  "the story cups": { stories: ["cups"] },
  "all three stories": { stories: storyNames },
};

export const trials: readonly Trial[] = Object.entries(trialChanges).map(([name, changes]) => ({
  name,
  settings: changed(changes),
}));
