/** What thinking longer costs: a state stream that is iterated at every position. */
import { join } from "node:path";
import { type ModelData, paperAlpha, streamShapes } from "@sst/layers";
import { saveModelData } from "@sst/loaders";
import { isNotRun, runRounds, type Samples } from "../engine/rounds.js";
import type { MeasurementContext } from "../measurement.js";
import { randomModel, shape15M } from "../models/shapes.js";
import { ownWorker } from "../own-worker.js";
import type { Row, Table } from "../results.js";
import { median, medianRatio } from "../statistics.js";

const TOKENS = 32;

const iterations = ["1", "2", "3", "4"];

const relative = "time ÷ that of n = 1";

export async function iterationsTable(context: MeasurementContext): Promise<Table> {
  const files = join(context.folder, "stream");
  await saveModelData(files, streamingModel());
  const title = "15M shape with a state stream, n iterations a position";
  // Each in its own process, so that all take their turns in the same rounds.
  const entrants = iterations.map((n) => ({
    name: n,
    command: ownWorker("decoding", [files]),
    request: () => ({ count: TOKENS, iterations: Number(n) }),
  }));
  const samples = await runRounds(entrants, [title], context);
  const rows = iterations.map((n) => rowOf(n, samples[n]?.[title], samples["1"]?.[title]));
  return { title, columns: ["ms/token", relative], rows };
}

function rowOf(n: string, samples: Samples | undefined, once: Samples | undefined): Row {
  const label = `n = ${n}`;
  if (samples === undefined || isNotRun(samples)) return { label, notRun: samples?.notRun ?? "no figures" };
  const ratio = once === undefined || isNotRun(once) ? null : medianRatio(samples, once);
  const values = [1000 * median(samples), ratio];
  return { label, values, target: { atMost: 0.05 + 0.95 * Number(n), column: relative } };
}

function streamingModel(): ModelData {
  const { config, weights } = randomModel({ ...shape15M, stateStream: paperAlpha }, "15M");
  const thetas = Object.entries(streamShapes(config)).map(([name, shape]) => {
    return [name, { shape, data: new Float32Array(config.hiddenSize) }] as const;
  });
  return { config, weights: { ...weights, ...Object.fromEntries(thetas) } };
}
