/** On what was measured. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
  /** Processes that wanted to run in the minute before: other work on the machine. */
  readonly loadBefore: number;
}

export function describeMachine(): Machine {
  return {
    processor: processorName(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** Virtual machines call their processor by its maker only; Linux says the family, which tells the generation. */
function processorName(): string {
  const name = cpus()[0]?.model.trim() ?? "unknown processor";
  if (process.platform !== "linux") return name;
  const information = readFileSync("/proc/cpuinfo", "utf8");
  const [family, model] = ["cpu family", "model"].map(
    (key) => new RegExp(`^${key}\\s*: (.*)$`, "m").exec(information)?.[1],
  );
  return family === undefined ? name : `${name} (family ${family}, model ${model})`;
}
