/** What a benchmark is: questions as prompts, and a judge of completions. */

export interface Verdict {
  readonly correct: boolean;
  /** What was understood as the answer; null where there was none. */
  readonly answer: string | null;
  /** How a program of the model's ended, and the like. */
  readonly detail?: string;
}

export interface Benchmark {
  readonly name: string;
  /** All that decides on prompts and verdicts beside the name, such as seeds; a results file is only continued with the same. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** The questions, in the order in which they are asked. */
  readonly questions: readonly Question[];
  /** Tokens of a completion at most. */
  readonly maxNewTokens: number;
  /** Texts that end a completion, and are cut off; such as the start of a next question. */
  readonly stopTexts: readonly string[];
}

export interface Question {
  readonly id: string;
  readonly prompt: string;
  /** Judges a completion; a wrong one, whatever it is, is a verdict and no error. */
  judge(completion: string): Verdict | Promise<Verdict>;
}
