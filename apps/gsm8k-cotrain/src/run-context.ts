/** What a run is given beside its settings. */
export interface RunContext {
  /** Of the report; models and verdicts go into folders in it. */
  readonly folder: string;
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly phase: "pretraining" | "co-training" | "evaluation";
  readonly step?: number;
  readonly steps?: number;
  readonly loss?: number;
}
