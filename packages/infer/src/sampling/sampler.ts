/** Choosing the tokens of one text, one after the other. */
import { type Random, SstError } from "@sst/tensor";
import { logProbabilityOf, type TokenLogProbability } from "./log-probabilities.js";
import { changesLogits, checkSampling, type SamplingOptions } from "./options.js";
import { sampleToken } from "./sample-token.js";
import { TokenCounts } from "./token-counts.js";

const BROKEN_MODEL = "the model's weights or states are broken";

export interface SamplerStart {
  /** The tokens before the text, which the repetition penalty counts too. */
  readonly prompt?: readonly number[];
  /** Where the draws come from; each text has one of its own. */
  readonly random: Random;
}

/**
 * The choice of one text's tokens: it remembers what it chose, for the penalties. Logits are changed by the penalties and the bias
 * (`PenaltyOptions`), cut down to what is allowed, and drawn from (`sampleToken`).
 */
export class Sampler {
  readonly #options: SamplingOptions;
  readonly #random: Random;
  readonly #counts: TokenCounts;
  readonly #changesLogits: boolean;
  /** What the logits are changed in; made when it is first needed, at the vocabulary's size. */
  #changed = new Float32Array(0);

  /** @throws SstError `invalid-argument` naming the option, `unknown-token` for a bias */
  constructor(options: SamplingOptions, { prompt = [], random }: SamplerStart) {
    checkSampling(options);
    this.#options = options;
    this.#random = random;
    this.#counts = new TokenCounts(prompt);
    this.#changesLogits = changesLogits(options);
  }

  /**
   * Chooses the next token and counts it.
   *
   * @param logits `[vocabSize]`; left as they are
   * @param allowed the only tokens that may be chosen; all of them where it is left out
   * @returns the token, and how likely it was in the model's own distribution: before penalties, bias, temperature and `allowed`
   * @throws SstError `not-finite` for logits that are NaN or Infinity, or all -Infinity; `unknown-token` for a biased or allowed
   * token out of the vocabulary; `contradiction` where bans leave no token
   */
  next(logits: Float32Array, allowed?: readonly number[]): TokenLogProbability {
    this.#requireUsable(logits, allowed);
    const token = sampleToken(this.#change(logits, allowed), this.#options, this.#random);
    this.accept(token);
    return { token, logProbability: logProbabilityOf(logits, token) };
  }

  /** Counts a token that was chosen elsewhere. */
  accept(token: number): void {
    this.#counts.add(token);
  }

  #change(logits: Float32Array, allowed: readonly number[] | undefined): Float32Array {
    if (!this.#changesLogits && allowed === undefined) return logits;
    if (this.#changed.length !== logits.length) this.#changed = new Float32Array(logits.length);
    const changed = this.#changed;
    changed.set(logits);
    this.#counts.penalize(changed, this.#options);
    if (allowed !== undefined) {
      const kept = allowed.map((token) => changed[token] as number);
      changed.fill(Number.NEGATIVE_INFINITY);
      for (const [index, token] of allowed.entries()) changed[token] = kept[index] as number;
    }
    if (changed.every((logit) => logit === Number.NEGATIVE_INFINITY)) {
      const among = allowed === undefined ? "" : ` of the ${allowed.length} that are allowed`;
      throw new SstError("contradiction", `no token${among} is left for ${this.#place()}: check logitBias`);
    }
    return changed;
  }

  #requireUsable(logits: Float32Array, allowed: readonly number[] | undefined): void {
    let largest = Number.NEGATIVE_INFINITY;
    for (let token = 0; token < logits.length; token++) {
      const logit = logits[token] as number;
      // False for NaN too.
      if (!(logit < Number.POSITIVE_INFINITY)) {
        throw new SstError(
          "not-finite",
          `the logit of token ${token} is ${logit} at ${this.#place()}: ${BROKEN_MODEL}`,
        );
      }
      if (logit > largest) largest = logit;
    }
    if (largest === Number.NEGATIVE_INFINITY) {
      throw new SstError("not-finite", `all logits are -Infinity at ${this.#place()}: ${BROKEN_MODEL}`);
    }
    // A bias that is out of the vocabulary would go unnoticed otherwise.
    if (this.#counts.generated === 0) checkSampling(this.#options, logits.length);
    const unknown = allowed?.find((token) => !(Number.isInteger(token) && token >= 0 && token < logits.length));
    if (unknown === undefined) return;
    throw new SstError(
      "unknown-token",
      `the token ${unknown} is allowed at ${this.#place()}, but the model has tokens 0 to ${logits.length - 1}`,
    );
  }

  #place(): string {
    return `generated token ${this.#counts.generated + 1}`;
  }
}
