/** A memory plan in words. */
import { latentStateBytes, type MemoryPlan } from "@sst/eval";
import type { ModelConfig } from "@sst/layers";
import Table from "cli-table3";
import prettyBytes from "pretty-bytes";
import type { LimitCheck } from "./device-limits.js";

const style = { head: [], border: [] };

export function bytes(count: number): string {
  return prettyBytes(count, { binary: true });
}

export function planTable(config: ModelConfig, plan: MemoryPlan, limits: readonly LimitCheck[]): string {
  const { backbone, stream, adapters, trained } = plan.parameters;
  const counted = Object.entries({ backbone, stream, adapters, trained }).filter(([, count]) => count > 0);
  const parameters = counted.map(([name, count]) => `${count.toLocaleString("en")} ${name}`);
  const parts = new Table({ head: ["memory", "bytes", ""], style, colAligns: ["left", "right", "left"] });
  for (const { name, sizeBytes, what } of plan.parts) parts.push([name, bytes(sizeBytes), what]);
  parts.push([
    "together",
    bytes(plan.totalBytes),
    `the largest piece: ${plan.largest.name}, ${bytes(plan.largest.sizeBytes)}`,
  ]);
  const checked = new Table({ head: ["device", "limit", "allows", "needed", ""], style });
  for (const { device, limit, allowedBytes, neededBytes, by, fits } of limits) {
    checked.push([device, limit, bytes(allowedBytes), `${bytes(neededBytes)}, ${by}`, fits ? "fits" : "TOO LARGE"]);
  }
  const states = config.stateStream
    ? `The latent states of a sequence take ${bytes(latentStateBytes(config, 2))} in bfloat16, ${bytes(latentStateBytes(config))} in float32.\n`
    : "";
  return `${config.modelType}, parameters: ${parameters.join(", ")}\n${parts}\n${states}${checked}\n`;
}
