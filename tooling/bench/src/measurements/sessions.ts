/** Sessions that generate at the same time: what they gain by sharing passes through the model. */
import { join } from "node:path";
import { saveModelData } from "@sst/loaders";
import { isNotRun, runRounds, type Samples } from "../engine/rounds.js";
import type { Measurement, MeasurementContext } from "../measurement.js";
import { randomModel, shape15M, shape135M } from "../models/shapes.js";
import { ownWorker } from "../own-worker.js";
import type { Findings, Row, Table } from "../results.js";
import { median, medianRatio } from "../statistics.js";

const shapes = [
  { name: "15M shape", shape: shape15M, tokens: 32 },
  { name: "SmolLM2-135M shape", shape: shape135M, tokens: 8 },
] as const;

const counts = [1, 2, 4, 8];

const ways = { after: "one after the other", together: "together" } as const;

export const sessions: Measurement = { name: "sessions", title: "Sessions at the same time", measure };

async function measure(context: MeasurementContext): Promise<Findings> {
  const tables: Table[] = [];
  for (const { name, shape, tokens } of shapes) tables.push(await shapeTable(name, shape, tokens, context));
  return {
    introduction:
      "Tokens a second of all sessions, in f32 on one thread: texts with prompts of different lengths, generated one after the " +
      "other, or at the same time in a `SessionBatch`, where a pass reads the weights once for all of them. Both give the same " +
      "tokens, or the speed is not shown.",
    tables,
  };
}

async function shapeTable(
  name: string,
  shape: Parameters<typeof randomModel>[0],
  tokens: number,
  context: MeasurementContext,
): Promise<Table> {
  const files = join(context.folder, name);
  await saveModelData(files, randomModel(shape, name));
  const cases = counts.map(String);
  const said: Record<string, string> = {};
  const entrants = Object.entries(ways).map(([way, label]) => ({
    name: label,
    command: ownWorker("sessions", [files]),
    request: (count: string) => ({ sessions: Number(count), count: tokens, together: way === "together" }),
    onReply: (reply: { readonly tokens?: unknown }) => {
      const given = reply.tokens as number[][];
      said[`${label}/${given.length}`] = JSON.stringify(given);
    },
  }));
  const samples = await runRounds(entrants, cases, context);
  const rows = counts.map((count): Row => {
    const label = count === 1 ? "1 session" : `${count} sessions`;
    const [after, together] = Object.values(ways).map(
      (way): Samples => samples[way]?.[count] ?? { notRun: "no figures" },
    ) as [Samples, Samples];
    if (isNotRun(after) || isNotRun(together)) return { label, notRun: [after, together].find(isNotRun)?.notRun ?? "" };
    if (said[`${ways.after}/${count}`] !== said[`${ways.together}/${count}`]) {
      return { label, notRun: "together they say something else" };
    }
    return { label, values: [1 / median(after), 1 / median(together), medianRatio(after, together)] };
  });
  return { title: `${name}, f32`, columns: [...Object.values(ways), "speed ÷ one after the other"], rows };
}
