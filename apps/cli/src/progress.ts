/** Progress of training and of downloads on standard error: a bar on a terminal, plain lines elsewhere. */
import type { LoadProgress } from "@sst/loaders";
import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  update(step: number, figures: Figures): void;
  stop(): void;
}

/** What is shown beside the count, by name. */
export type Figures = Readonly<Record<string, number | string>>;

export function trainingProgress(steps: number): Progress {
  return process.stderr.isTTY ? bar(steps) : lines(steps);
}

function describe(figures: Figures): string {
  const shown = (value: number | string) =>
    typeof value === "string" || Number.isInteger(value) ? value : value.toFixed(4);
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${shown(value)}`)
    .join("  ");
}

function bar(steps: number): Progress {
  const single = new SingleBar({ format: "{bar} {value}/{total} | {figures} | {eta} s left" }, Presets.shades_grey);
  single.start(steps, 0, { figures: "" });
  return {
    update: (step, figures) => single.update(step, { figures: describe(figures) }),
    stop: () => single.stop(),
  };
}

/** About twenty lines in all. */
function lines(steps: number): Progress {
  const every = Math.max(1, Math.round(steps / 20));
  return {
    update: (step, figures) => {
      if (step % every === 0 || step === 1 || step === steps) {
        process.stderr.write(`step ${step}/${steps}  ${describe(figures)}\n`);
      }
    },
    stop: () => {},
  };
}

/** Of files that come from the hub, one after the other; what is read from disk is not told. */
export function downloadProgress(): (progress: LoadProgress) => void {
  const show = process.stderr.isTTY ? downloadBar() : downloadLine;
  return (progress) => {
    if (progress.phase === "download") show(progress);
  };
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

function downloadLine({ file, loadedBytes, totalBytes }: LoadProgress): void {
  if (loadedBytes === totalBytes) process.stderr.write(`${file}: ${megabytes(totalBytes)} MB downloaded\n`);
}

function downloadBar(): (progress: LoadProgress) => void {
  let bar: SingleBar | undefined;
  return ({ file, loadedBytes, totalBytes }) => {
    if (bar === undefined) {
      bar = new SingleBar({ format: "{bar} {percentage}% | {file} | {eta} s left" }, Presets.shades_grey);
      bar.start(totalBytes, loadedBytes, { file });
    }
    bar.update(loadedBytes, { file });
    if (loadedBytes < totalBytes) return;
    bar.stop();
    bar = undefined;
  };
}
