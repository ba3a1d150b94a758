/** What can be asked of the choice of a token. */
import { SstError } from "@sst/tensor";

/** How a token is drawn from logits. */
export interface DrawOptions {
  /** 0 takes the likeliest token, the first of equal ones; defaults to 0. */
  readonly temperature?: number;
  /** Keeps the k likeliest tokens. */
  readonly topK?: number;
  /** Keeps the likeliest tokens whose probabilities add up to at least this. */
  readonly topP?: number;
  /** Keeps the tokens that are at least so many times as likely as the likeliest. */
  readonly minP?: number;
}

/**
 * How logits change before a token is drawn from them. In this order: the repetition penalty, the presence and the frequency
 * penalty, the bias; what `DrawOptions` says comes after them, at temperature 0 too.
 */
export interface PenaltyOptions {
  /**
   * As in Hugging Face and CTRL: of a token that stands in the prompt or in what was generated, a positive logit is divided by
   * this, a negative one multiplied with it. Above 1 discourages repetition; 1, the default, changes nothing.
   */
  readonly repetitionPenalty?: number;
  /** As in OpenAI's interface: subtracted from the logit of a token that was generated, the prompt aside; defaults to 0. */
  readonly presencePenalty?: number;
  /** As in OpenAI's interface: subtracted once for each time that a token was generated, the prompt aside; defaults to 0. */
  readonly frequencyPenalty?: number;
  /** Added to the logits of these tokens. -100 or less bans a token altogether. */
  readonly logitBias?: Readonly<Record<number, number>>;
}

export interface SamplingOptions extends DrawOptions, PenaltyOptions {}

/** A bias from which on down a token is banned, not only unlikely. */
export const BAN = -100;

/**
 * @param vocabSize where it is known, the tokens of `logitBias` are held against it
 * @throws SstError `invalid-argument` naming the option, what it is and what it should be; `unknown-token` for a bias
 */
export function checkSampling(options: SamplingOptions, vocabSize = Number.POSITIVE_INFINITY): void {
  const { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = options;
  const check = (name: string, value: number | undefined, isFine: (value: number) => boolean, range: string) => {
    if (value !== undefined && !isFine(value)) {
      throw new SstError("invalid-argument", `${name} should be ${range}, but is ${value}`);
    }
  };
  check("temperature", temperature, (value) => value >= 0 && Number.isFinite(value), "0 or more");
  check("topK", topK, (value) => Number.isInteger(value) && value >= 1, "a whole number of at least 1");
  check("topP", topP, (value) => value > 0 && value <= 1, "above 0 and at most 1");
  check("minP", minP, (value) => value >= 0 && value <= 1, "between 0 and 1");
  check("repetitionPenalty", repetitionPenalty, (value) => value > 0 && Number.isFinite(value), "above 0");
  check("presencePenalty", presencePenalty, Number.isFinite, "a number");
  check("frequencyPenalty", frequencyPenalty, Number.isFinite, "a number");
  for (const [key, bias] of Object.entries(logitBias ?? {})) {
    const token = Number(key);
    if (!(Number.isInteger(token) && token >= 0 && token < vocabSize)) {
      throw new SstError("unknown-token", `logitBias names the token ${key}, but ${tokensOf(vocabSize)}`);
    }
    check(`logitBias of token ${key}`, bias, (value) => value < Number.POSITIVE_INFINITY, "a number or -Infinity");
  }
}

/** Whether these options change no logits and take the likeliest token: then the device can choose it. */
export function isPlainlyGreedy(options: SamplingOptions): boolean {
  return (options.temperature ?? 0) === 0 && !changesLogits(options);
}

/** Whether any penalty or bias is set. */
export function changesLogits(options: PenaltyOptions): boolean {
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = {} } = options;
  return (
    repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0 || Object.keys(logitBias).length > 0
  );
}

function tokensOf(vocabSize: number): string {
  return Number.isFinite(vocabSize)
    ? `the model has tokens 0 to ${vocabSize - 1}`
    : "tokens are whole numbers from 0 on";
}
