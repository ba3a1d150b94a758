/** Which tokens a text has had, and what the penalties make of that. */
import { BAN, type PenaltyOptions } from "./options.js";

export class TokenCounts {
  readonly #seen: Set<number>;
  readonly #generated = new Map<number, number>();

  constructor(prompt: readonly number[]) {
    this.#seen = new Set(prompt);
  }

  /** How many tokens were generated. */
  generated = 0;

  add(token: number): void {
    this.#seen.add(token);
    this.#generated.set(token, (this.#generated.get(token) ?? 0) + 1);
    this.generated++;
  }

  /** Changes the logits in place, in the order that `PenaltyOptions` states. */
  penalize(logits: Float32Array, options: PenaltyOptions): void {
    const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = {} } = options;
    if (repetitionPenalty !== 1) {
      for (const token of this.#seen) {
        const logit = logits[token] as number;
        logits[token] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
      }
    }
    if (presencePenalty !== 0 || frequencyPenalty !== 0) {
      for (const [token, count] of this.#generated) {
        logits[token] = (logits[token] as number) - presencePenalty - count * frequencyPenalty;
      }
    }
    for (const [token, bias] of Object.entries(logitBias)) {
      logits[Number(token)] = bias <= BAN ? Number.NEGATIVE_INFINITY : (logits[Number(token)] as number) + bias;
    }
  }
}
