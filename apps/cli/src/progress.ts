/** Progress of training on standard error: a bar on a terminal, plain lines elsewhere. */
import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  /** @param figures what is shown beside the count, by name */
  update(step: number, figures: Readonly<Record<string, number>>): void;
  stop(): void;
}

export function trainingProgress(steps: number): Progress {
  return process.stderr.isTTY ? bar(steps) : lines(steps);
}

function describe(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toFixed(4)}`)
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
