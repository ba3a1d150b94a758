/** Who reads the positions of a generation: alone (`own-reader.ts`), or together with those of other sessions (`session-batch.ts`). */
import type { Deliberation, IterationView, Needs, PositionView } from "../deliberation/policy.js";
import type { IterationEnd } from "./events.js";

export interface Deliberated {
  readonly logits: Float32Array;
  readonly iterations: number;
}

/** Reads positions, one after the other, into a session's caches. Until it is disposed of nobody else may have the caches. */
export interface PositionReader extends Disposable {
  /** Floating-point operations of all that it has run: `positionFlops`, and `headFlops` each time that logits were made. */
  readonly flops: number;
  /**
   * One position: as many iterations as its policy wants, and the logits after the last of them.
   *
   * @throws what the policy throws; the position then does not count as read
   */
  read(
    token: number,
    deliberation: Deliberation,
    maximum: number,
    isFirstGenerated: boolean,
  ): AsyncGenerator<IterationEnd, Deliberated, void>;
}

/** What an iteration has left, to be read back where somebody asks. */
export interface LookedAt {
  /** To be asked for once. */
  logits(): Promise<Float32Array>;
  states(): Promise<Float32Array[]>;
}

/**
 * Iterates until a deliberation has enough.
 *
 * @param iterate is told whether the logits after the iteration are wanted for sure; they may be in any case
 * @param planned how many iterations there will be, where that is known beforehand
 */
export async function* deliberate(
  iterate: (wantsLogits: boolean) => Promise<LookedAt>,
  deliberation: Deliberation,
  at: PositionView,
  maximum: number,
  planned: number | undefined,
): AsyncGenerator<IterationEnd, Deliberated, void> {
  const needs = planned === undefined ? deliberation.needs(at) : {};
  let seen: Seen = {};
  for (let iteration = 1; ; iteration++) {
    let isLast = iteration === (planned ?? maximum);
    const now = await iterate(isLast || needs.logits === true);
    let looked: Seen = {};
    if (planned === undefined) {
      yield { event: "iteration-end", position: at.position, iteration };
      if (!isLast) {
        looked = await look(now, needs);
        isLast = await deliberation.stops({ ...at, iteration, ...looked, ...asPrevious(seen) });
        seen = looked;
      }
    }
    if (isLast) return { logits: looked.logits ?? (await now.logits()), iterations: iteration };
  }
}

type Seen = Pick<IterationView, "logits" | "states">;

async function look(now: LookedAt, needs: Needs): Promise<Seen> {
  return {
    ...(needs.logits && { logits: await now.logits() }),
    ...(needs.states && { states: await now.states() }),
  };
}

function asPrevious({ logits, states }: Seen): Pick<IterationView, "previousLogits" | "previousStates"> {
  return { ...(logits && { previousLogits: logits }), ...(states && { previousStates: states }) };
}
