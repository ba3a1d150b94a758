/** What a measurement is given, and what it is to the runner. */
import type { RoundOptions } from "./engine/rounds.js";
import type { Peers } from "./peers.js";
import type { Findings } from "./results.js";

export interface MeasurementContext extends RoundOptions {
  readonly peers: Peers;
  /** A folder of its own, removed afterwards. */
  readonly folder: string;
}

export interface Measurement {
  readonly name: string;
  readonly title: string;
  measure(context: MeasurementContext): Promise<Findings>;
}
