/**
 * Conducts a run for a command: checkpoints and log in the run's folder, progress, the live page, and what happens on
 * Ctrl-C, on a number that is not finite and on data that changes.
 */
import { basename, join } from "node:path";
import { FolderCheckpointStore, type NotedFile, requireUnchanged } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import type {
  BatchSource,
  Json,
  StepEvent,
  Trainer,
  TrainingEvent,
  TrainingOutcome,
  TrainingRunOptions,
} from "@sst/train";
import { TrainingRun } from "@sst/train";
import { type Figures, trainingProgress } from "../progress.js";
import { WatchServer } from "../watch/watch-server.js";
import { onInterrupt } from "./interrupt.js";
import type { RunOptions } from "./run-options.js";
import { describeSolver } from "./solver-words.js";
import { type LoggedEvent, TrainingLog } from "./training-log.js";

export interface Conducted {
  readonly trainer: Trainer;
  readonly batches: BatchSource | ((step: number) => ReturnType<BatchSource["next"]>);
  readonly options: RunOptions;
  /** Where the model will go. */
  readonly out: string | undefined;
  /** Files that must not change under the run. */
  readonly data: readonly NotedFile[];
  /** What has to be the same for a run that goes on, beside what the trainer was made with. */
  readonly configuration: Readonly<Record<string, Json>>;
  readonly evaluationLoss: () => Promise<number>;
  /** Saves the model as it is. */
  readonly saveModel: () => Promise<void>;
}

/**
 * @returns undefined where Ctrl-C has ended the run: it has been said how to resume it
 * @throws SstError what training throws
 */
export async function conduct(conducted: Conducted): Promise<TrainingOutcome | undefined> {
  const { trainer, options, out, saveModel } = conducted;
  requireConsistent(options);
  const page = options.watch === undefined ? undefined : await WatchServer.listen(portOf(options.watch));
  if (page) process.stderr.write(`watch the run at ${page.address}\n`);
  const progress = trainingProgress(trainer.options.steps);
  using interrupt = onInterrupt();
  try {
    const run = await TrainingRun.start(trainer, runOptions(conducted, listener(options, page, progress.update)));
    const outcome = await run.finish(interrupt.signal);
    if (outcome.reason !== "interrupted") return outcome;
    progress.stop();
    process.stderr.write(`interrupted after step ${outcome.step}. ${await howToResume(run, conducted)}\n`);
    process.exitCode = 130;
    return undefined;
  } catch (error) {
    if (!(error instanceof SstError) || error.code !== "not-finite" || out === undefined) throw error;
    await saveModel();
    throw new SstError("not-finite", `${error.message}. That model is saved in ${out}`, { cause: error });
  } finally {
    progress.stop();
    page?.close();
  }
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

function runOptions(conducted: Conducted, onEvent: (event: TrainingEvent) => void): TrainingRunOptions {
  const { batches, configuration, data, evaluationLoss, options } = conducted;
  const { checkpointEvery, evalEvery, keepBest = false, observeEvery, patience, resume = false, run } = options;
  return {
    batches,
    observeEverySteps: observeEvery,
    onEvent,
    ...(run !== undefined && {
      checkpoints: {
        store: storeIn(run, options),
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

function withHashes(configuration: Conducted["configuration"], data: readonly NotedFile[]): Record<string, Json> {
  // By their order: a run may go on from another folder.
  const hashes = data.map(({ path, sha256 }, index) => [`file ${index + 1} (${basename(path)})`, sha256] as const);
  return { ...configuration, ...Object.fromEntries(hashes) };
}

function storeIn(folder: string, { keepCheckpoints }: RunOptions): FolderCheckpointStore {
  return new FolderCheckpointStore(join(folder, "checkpoints"), { keepLast: keepCheckpoints });
}

/** Tells log, page and progress. */
function listener(
  { run }: RunOptions,
  page: WatchServer | undefined,
  show: (step: number, figures: Figures) => void,
): (event: TrainingEvent) => void {
  const log = run === undefined ? undefined : new TrainingLog(join(run, "log.jsonl"));
  let chosen: Figures = {};
  return (event) => {
    const logged: LoggedEvent = { ...event, time: new Date().toISOString() };
    if (event.event === "start") for (const earlier of log?.begin(event.step) ?? []) page?.tell(earlier);
    log?.append(logged);
    page?.tell(logged);
    if (event.event === "solver") chosen = { solver: describeSolver(event) };
    if (event.event === "step") show(event.step, { ...figuresOf(event), ...chosen });
  };
}

function figuresOf({ gradientNorm, loss, tokensPerSecond }: StepEvent): Figures {
  return { loss, gradient: gradientNorm, "tokens/s": Math.round(tokensPerSecond) };
}

/** Where no folder was given for the run, one beside the model takes its state now. */
async function howToResume(run: TrainingRun, { data, configuration, options, out }: Conducted): Promise<string> {
  if (options.run === undefined && out === undefined) return "Nothing is kept: there is no --out and no --run";
  const folder = options.run ?? `${out}.run`;
  if (options.run === undefined) {
    const checkpoint = await run.checkpoint();
    await storeIn(folder, options).save({
      ...checkpoint,
      configuration: { ...checkpoint.configuration, ...withHashes(configuration, data) },
    });
  }
  const given = process.argv.slice(2).filter((argument) => argument !== "--resume");
  const added = [...(options.run === undefined ? ["--run", folder] : []), "--resume"];
  return `Resume with: sst ${[...given, ...added].map(quoted).join(" ")}`;
}

function quoted(argument: string): string {
  return /^[\w./:=-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
