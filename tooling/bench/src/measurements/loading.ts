/** How long a model takes until it is ready, beside reading its file. */
import { join } from "node:path";
import { saveModelData } from "@sst/loaders";
import { isNotRun, runRounds } from "../engine/rounds.js";
import type { Measurement, MeasurementContext } from "../measurement.js";
import { randomModel, shape135M } from "../models/shapes.js";
import { ownWorker } from "../own-worker.js";
import type { Findings, Row, Target } from "../results.js";
import { median, medianRatio } from "../statistics.js";

const labels = {
  file: "file read into memory, readFile",
  fileAtOnce: "file read into memory, readFileSync",
  model: "model loaded",
  token: "model loaded, first token",
} as const;

const ratio = "time ÷ reading the file";

const target: Target = { atMost: 1.5, column: ratio };

export const loading: Measurement = { name: "loading", title: "Loading", measure };

async function measure(context: MeasurementContext): Promise<Findings> {
  const files = join(context.folder, "model");
  await saveModelData(files, randomModel(shape135M, "135M"));
  // Each in its own process, since a freed model leaves a heap that is warm for the next one.
  const entrants = Object.entries(labels).map(([what, name]) => ({
    name,
    command: ownWorker("loading", [files]),
    request: () => ({ what }),
  }));
  const samples = await runRounds(entrants, ["loading"], context);
  const reading = samples[labels.file]?.loading ?? { notRun: "no figures" };
  const rows = Object.values(labels).map((label): Row => {
    const found = samples[label]?.loading ?? { notRun: "no figures" };
    if (isNotRun(found)) return { label, notRun: found.notRun };
    const values = [1000 * median(found), isNotRun(reading) ? null : medianRatio(found, reading)];
    return { label, values, ...(label === labels.model && { target }) };
  });
  return {
    introduction:
      "A model of SmolLM2-135M's shape from its folder (`model.safetensors`, f32) by `loadModel` of `@sst/loaders`, beside " +
      "`readFile` of the same file, which Node reads in pieces (`readFileSync` at once, for comparison); the page cache is warm for both. The last row also decodes one token, so that nothing " +
      "is put off.",
    tables: [{ title: "135M shape, 538 MB", columns: ["ms", ratio], rows }],
  };
}
