/**
 * What is around the runs of a command: checkpoints and log in the run's folder, progress, the live page, and Ctrl-C. Runs that
 * go on side by side have a name each (a variant), and a folder of that name in the run's.
 */
import { join } from "node:path";
import { type NotedFile, requireUnchanged } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import type { Json, TrainingEvent, TrainingRun, TrainingRunOptions } from "@sst/train";
import { trainingProgress } from "../progress.js";
import { WatchServer } from "../watch/watch-server.js";
import { type Interrupt, onInterrupt } from "./interrupt.js";
import { commandToResume, storeIn, withHashes } from "./resuming.js";
import { RunFigures } from "./run-figures.js";
import type { RunOptions } from "./run-options.js";
import { type LoggedEvent, TrainingLog } from "./training-log.js";

export interface Conducted {
  readonly options: RunOptions;
  readonly steps: number;
  /** Where what is trained will go. */
  readonly out: string | undefined;
  /** Files that must not change under the run. */
  readonly data: readonly NotedFile[];
  /** What has to be the same for a run that goes on, beside what the trainer was made with. */
  readonly configuration: Readonly<Record<string, Json>>;
  /** Names of runs that go on side by side; left out for one that is alone. */
  readonly variants?: readonly string[];
}

export class Conductor implements Disposable {
  readonly #interrupt: Interrupt = onInterrupt();
  readonly #progress: ReturnType<typeof trainingProgress>;
  readonly #figures: RunFigures;

  private constructor(
    private readonly conducted: Conducted,
    private readonly page: WatchServer | undefined,
  ) {
    this.#progress = trainingProgress(conducted.steps);
    this.#figures = new RunFigures(this.#progress, conducted.variants);
  }

  /** @throws SstError `contradiction` for options without what they need, `invalid-argument` for a port that is taken */
  static async begin(conducted: Conducted): Promise<Conductor> {
    const { watch } = conducted.options;
    requireConsistent(conducted.options);
    const page = watch === undefined ? undefined : await WatchServer.listen(portOf(watch));
    if (page) process.stderr.write(`watch the run at ${page.address}\n`);
    return new Conductor(conducted, page);
  }

  /** Aborted by Ctrl-C. */
  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** @param evaluationLoss on data held out from training */
  runOptions(evaluationLoss: () => Promise<number>, variant?: string): Omit<TrainingRunOptions, "batches"> {
    const { configuration, data, options } = this.conducted;
    const { checkpointEvery, evalEvery, keepBest = false, observeEvery, patience, resume = false, run } = options;
    const folder = run === undefined ? undefined : folderOf(run, variant);
    return {
      observeEverySteps: observeEvery,
      onEvent: this.#listener(folder, variant),
      ...(folder !== undefined && {
        checkpoints: {
          store: storeIn(folder, options),
          everySteps: checkpointEvery,
          resume,
          configuration: withHashes(configuration, data),
          requireUnchangedData: () => requireUnchanged(data),
        },
      }),
      ...(evalEvery !== undefined && {
        evaluation: {
          everySteps: evalEvery,
          loss: evaluationLoss,
          keepBest,
          ...(patience !== undefined && { patience }),
        },
      }),
    };
  }

  /**
   * Says how to go on with runs that Ctrl-C has ended. Where no folder was given for them, one beside what would have been
   * saved takes their state now.
   *
   * @param runs by variant; one that is alone has none
   */
  async endInterrupted(runs: readonly { readonly run: TrainingRun; readonly variant?: string }[]): Promise<void> {
    const { configuration, data, options, out } = this.conducted;
    this.#progress.stop();
    const step = Math.min(...runs.map(({ run }) => run.trainer.stepsDone));
    const folder = options.run ?? (out === undefined ? undefined : `${out}.run`);
    if (folder !== undefined && options.run === undefined) {
      for (const { run, variant } of runs) {
        const checkpoint = await run.checkpoint();
        await storeIn(folderOf(folder, variant), options).save({
          ...checkpoint,
          configuration: withHashes({ ...checkpoint.configuration, ...configuration }, data),
        });
      }
    }
    const next =
      folder === undefined
        ? "Nothing is kept: there is no --out and no --run"
        : `Resume with: ${commandToResume(options.run === undefined ? folder : undefined)}`;
    process.stderr.write(`interrupted after step ${step}. ${next}\n`);
    process.exitCode = 130;
  }

  [Symbol.dispose](): void {
    this.#progress.stop();
    this.page?.close();
    this.#interrupt[Symbol.dispose]();
  }

  /** Tells log, page and progress. */
  #listener(folder: string | undefined, variant: string | undefined): (event: TrainingEvent) => void {
    const log = folder === undefined ? undefined : new TrainingLog(join(folder, "log.jsonl"));
    return (event) => {
      const logged: LoggedEvent = { ...event, time: new Date().toISOString(), ...(variant && { variant }) };
      if (event.event === "start") for (const earlier of log?.begin(event.step) ?? []) this.page?.tell(earlier);
      log?.append(logged);
      this.page?.tell(logged);
      this.#figures.hear(event, variant);
    };
  }
}

function folderOf(run: string, variant: string | undefined): string {
  return variant === undefined ? run : join(run, variant);
}

function requireConsistent({ evalEvery, keepBest, patience, resume, run }: RunOptions): void {
  if (resume && run === undefined) throw new SstError("contradiction", "--resume needs --run, the folder of the run");
  if (evalEvery !== undefined || (patience === undefined && !keepBest)) return;
  throw new SstError("contradiction", "--patience and --keep-best go by evaluations: say how often, with --eval-every");
}

/** commander gives `true` for an option without its value. */
function portOf(watch: number | true): number {
  return watch === true ? 0 : watch;
}
