/**
 * Rounds in which every engine works once in turn, so that a change of the machine's speed meets them all. Figures are
 * compared within a round only.
 */

import { median } from "../statistics.js";
import { type EngineCommand, EngineProcess } from "./engine-process.js";
import { EngineError } from "./errors.js";
import type { Reply } from "./serve.js";

/** An engine that takes part. */
export interface Entrant {
  readonly name: string;
  /** Absent, with the reason, where it is known beforehand that it cannot run. */
  readonly command: EngineCommand | NotRun;
  /** What it is asked for in a case; left out of the cases for which it has no answer. */
  readonly request: (name: string) => object | undefined;
  /** Looks at an engine that has started; what it throws is the reason why its speed is not reported. */
  readonly check?: (engine: EngineProcess) => Promise<void>;
  /** Is told of every answer that counts, for those that say more than a time. */
  readonly onReply?: (reply: Reply) => void;
}

export interface NotRun {
  readonly notRun: string;
}

/** Seconds of an engine in a case, one for each round, or the reason why there are none. */
export type Samples = readonly number[] | NotRun;

export type SamplesByCase = Readonly<Record<string, Samples>>;

export interface RoundOptions {
  /** How often every engine works in turn. */
  readonly rounds: number;
  /** How long a turn takes at least, warming up or not; for tests. */
  readonly leastTurnMs?: number;
  readonly onProgress: (text: string) => void;
  /** Is told of every turn that counts how much of the time the engine's process ran, where it says so. */
  readonly onProcessorShare: (share: number) => void;
}

export function isNotRun(value: object): value is NotRun {
  return "notRun" in value;
}

/** A turn is repeated for so long: a short one says little, and engines that compile while they run get faster for a while. */
const LEAST_WARM_UP_MS = 2_000;
const LEAST_TURN_MS = 300;

/** @returns by the entrants' names. The first round of each case only warms up. */
export async function runRounds(
  entrants: readonly Entrant[],
  cases: readonly string[],
  options: RoundOptions,
): Promise<Record<string, SamplesByCase>> {
  const { rounds, onProgress } = options;
  const running: Running[] = [];
  const samples: Record<string, Record<string, Samples>> = {};
  try {
    for (const entrant of entrants) {
      onProgress(`starting ${entrant.name}`);
      const started = await start(entrant);
      if (isNotRun(started)) samples[entrant.name] = Object.fromEntries(cases.map((name) => [name, started]));
      else running.push(started);
    }
    for (const name of cases) {
      const turns = running.flatMap((each) => turnOf(each, name, options));
      for (let round = -1; round < rounds; round++) {
        onProgress(`${name}: ${round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`}`);
        // Who begins changes, so that nobody always follows the same neighbour.
        for (const turn of rotated(turns, round + 1)) await turn.take(round >= 0);
      }
      for (const { entrant, seconds, failure } of turns) {
        samples[entrant.name] = { ...samples[entrant.name], [name]: failure ?? seconds };
      }
    }
    return samples;
  } finally {
    for (const { engine } of running) engine.stop();
  }
}

interface Running {
  readonly entrant: Entrant;
  readonly engine: EngineProcess;
}

async function start(entrant: Entrant): Promise<Running | NotRun> {
  if (isNotRun(entrant.command)) return entrant.command;
  let engine: EngineProcess | undefined;
  try {
    engine = await EngineProcess.start(entrant.command);
    await entrant.check?.(engine);
    return { entrant, engine };
  } catch (error) {
    engine?.stop();
    return asNotRun(error);
  }
}

/** One engine's part in the rounds of a case: once failed, it is left alone. */
class Turn {
  readonly seconds: number[] = [];
  failure: NotRun | undefined;

  constructor(
    readonly entrant: Entrant,
    private readonly engine: EngineProcess,
    private readonly request: object,
    private readonly options: RoundOptions,
  ) {}

  /** Works for at least so long as a turn takes; the median of the answers counts. */
  async take(counts: boolean): Promise<void> {
    if (this.failure !== undefined) return;
    const least = this.options.leastTurnMs ?? (counts ? LEAST_TURN_MS : LEAST_WARM_UP_MS);
    const started = performance.now();
    const seconds: number[] = [];
    try {
      do {
        const reply = await this.engine.ask(this.request);
        seconds.push(reply.seconds as number);
        if (counts) this.#tell(reply);
      } while (performance.now() - started < least);
      if (counts) this.seconds.push(median(seconds));
    } catch (error) {
      this.failure = asNotRun(error);
    }
  }

  #tell(reply: Reply): void {
    this.entrant.onReply?.(reply);
    const { processorShare } = reply;
    if (typeof processorShare === "number") this.options.onProcessorShare(processorShare);
  }
}

function turnOf({ entrant, engine }: Running, name: string, options: RoundOptions): Turn[] {
  const request = entrant.request(name);
  return request === undefined ? [] : [new Turn(entrant, engine, request, options)];
}

function asNotRun(error: unknown): NotRun {
  if (error instanceof EngineError) return { notRun: error.message };
  throw error;
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const first = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
