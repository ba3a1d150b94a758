/** What goes with a basin shift: the token that was read, and how the next-token distribution moved. */
import { SstError } from "@sst/tensor";
import type { TokenProbability, TraceRecord } from "../trace/trace-record.js";
import type { Basins } from "./find-basins.js";

export interface Transition {
  /** The first position of the new stretch. */
  readonly position: number;
  /** The token that was read there. */
  readonly token: number;
  readonly fromBasin: number;
  readonly toBasin: number;
  /** Jensen-Shannon divergence between the distributions of the position before and of this one. */
  readonly shiftBits: number;
  /** The likeliest next tokens at the position before, and at this one. */
  readonly before: readonly TokenProbability[];
  readonly after: readonly TokenProbability[];
}

/**
 * @param records of the same positions as the basins, in order
 * @throws SstError `contradiction` where they are not as many
 */
export function transitionsOf(
  { changePoints, basinOf }: Basins,
  records: readonly Pick<TraceRecord, "position" | "token" | "posterior" | "positionShiftBits">[],
): Transition[] {
  if (records.length !== basinOf.length) {
    throw new SstError(
      "contradiction",
      `the basins are of ${basinOf.length} positions and the records of ${records.length}: give those of the same trace`,
    );
  }
  return changePoints.map((index) => {
    const [before, after] = [records[index - 1], records[index]] as [(typeof records)[0], (typeof records)[0]];
    return {
      position: after.position,
      token: after.token,
      fromBasin: basinOf[index - 1] as number,
      toBasin: basinOf[index] as number,
      shiftBits: after.positionShiftBits as number,
      before: before.posterior.at(-1)?.top ?? [],
      after: after.posterior.at(-1)?.top ?? [],
    };
  });
}
