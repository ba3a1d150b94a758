/** Tokens a second, one after the other, of models of three sizes in three formats. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { ModelData } from "@sst/layers";
import { isNotRun, type NotRun, runRounds, type Samples } from "../engine/rounds.js";
import type { Measurement, MeasurementContext } from "../measurement.js";
import { bytesPerToken, randomModel, shape15M, shape135M, stories260K } from "../models/shapes.js";
import type { Findings, Row, Table, Target } from "../results.js";
import { median, medianRatio } from "../statistics.js";
import { bitsPerWeight, type DecodingFormat, decodingEntrants, memory, own, peerNames } from "./decoding-engines.js";
import { iterationsTable } from "./iterations.js";

interface Shape {
  readonly name: string;
  readonly load: () => Promise<ModelData | undefined>;
  /** Decoded in one turn. */
  readonly tokens: number;
  /** Of our speed by that of a peer. */
  readonly targets: Partial<Readonly<Record<DecodingFormat, Target & { readonly peers?: readonly string[] }>>>;
  /** Of our share of what memory allows, in f32. */
  readonly memoryShare?: number;
}

const [ratio, share] = ["ours ÷ this", "share of what memory allows"];

const random = { f32: { atLeast: 1 }, q8: { atLeast: 0.8 }, q4: { atLeast: 0.8 } };

const shapes: readonly Shape[] = [
  {
    name: "stories260K",
    load: stories260K,
    tokens: 128,
    targets: { f32: { atLeast: 1, peers: [peerNames.llama2c] } },
  },
  { name: "15M shape", load: async () => randomModel(shape15M, "15M"), tokens: 128, targets: random },
  {
    name: "SmolLM2-135M shape",
    load: async () => randomModel(shape135M, "135M"),
    tokens: 128,
    targets: random,
    memoryShare: 0.8,
  },
];

export const decoding: Measurement = { name: "decode", title: "Decoding", measure };

async function measure(context: MeasurementContext): Promise<Findings> {
  const tables: Table[] = [];
  for (const shape of shapes) {
    const model = await shape.load();
    for (const format of ["f32", "q8", "q4"] as const) tables.push(await shapeTable(shape, model, format, context));
  }
  return {
    introduction:
      "Greedy decoding of a batch of one on one thread: 8 tokens of prompt, then the time of the tokens after the first. " +
      "15M and SmolLM2-135M have the shapes of those models and seeded random weights; the first 16 tokens of all engines " +
      "in f32 agree or the engine's speed is not shown. q8 and q4 are each engine's own blocks of 32 (llama.cpp Q8_0 and Q4_0, " +
      "onnxruntime MatMulNBits). llama.cpp and onnxruntime round activations to 8 bits in both, ours in q4 (`activations: int8`), " +
      "where a row shows what it does without; in q8 ours are in 16 bits. llama.cpp is seen from JavaScript and keeps its " +
      "cache in f16, the others in f32. What memory allows is the bandwidth that WebAssembly reads with in the same rounds, over as many " +
      "bytes as a token's weights.",
    tables: [...tables, await iterationsTable(context)],
  };
}

async function shapeTable(
  shape: Shape,
  model: ModelData | undefined,
  format: DecodingFormat,
  context: MeasurementContext,
): Promise<Table> {
  const { peers, folder, onProgress } = context;
  const title = `${shape.name}, ${format}`;
  const columns = ["tokens/s", ratio, share];
  if (model === undefined) {
    const notRun = "the model is not there: SST_DATA_DIR should name the folder that holds stories260K";
    return { title, columns, rows: [{ label: "all engines", notRun }] };
  }
  const files = join(folder, "models");
  const tokens: Record<string, number[]> = {};
  try {
    onProgress(`${title}: writing the model's files`);
    const entrants = await decodingEntrants({ model, format, peers, folder: files, count: shape.tokens, tokens });
    const samples = await runRounds(entrants, [title], context);
    const bytes = bytesPerToken(model.config, bitsPerWeight[format]);
    const found = (name: string): Samples => {
      const wrong = format === "f32" && otherTokens(name, tokens);
      return wrong || (samples[name]?.[title] ?? { notRun: "no figures" });
    };
    const rows = entrants.map(({ name }) => rowOf(name, found, targetOf(shape, format, name)));
    return { title: `${title}, ${Math.round(bytes / 1e5) / 10} MB a token`, columns, rows };
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

function rowOf(name: string, found: (name: string) => Samples, target: Target | undefined): Row {
  const samples = found(name);
  if (isNotRun(samples)) return { label: name, notRun: samples.notRun };
  const against = (other: Samples, turn: (theirs: readonly number[]) => number) =>
    isNotRun(other) || name === memory ? null : turn(other);
  const values = [
    1 / median(samples),
    against(found(own), (ours) => medianRatio(samples, ours)),
    against(found(memory), (reading) => medianRatio(reading, samples)),
  ];
  return { label: name, values, ...(target && { target }) };
}

function targetOf({ targets, memoryShare }: Shape, format: DecodingFormat, name: string): Target | undefined {
  if (name === own) {
    return format === "f32" && memoryShare !== undefined
      ? { atLeast: memoryShare, column: share as string }
      : undefined;
  }
  const { peers = Object.values(peerNames), ...target } = targets[format] ?? { peers: [] };
  return peers.includes(name) ? { ...target, column: ratio as string } : undefined;
}

/** The reason not to show the speed of an engine whose tokens are not those that most engines have found. */
function otherTokens(name: string, tokens: Readonly<Record<string, readonly number[]>>): NotRun | false {
  const own = tokens[name]?.join(" ");
  if (own === undefined) return false;
  const all = Object.values(tokens).map((each) => each.join(" "));
  const votes = (candidate: string) => all.filter((each) => each === candidate).length;
  const common = all.reduce((best, each) => (votes(each) > votes(best) ? each : best), all[0] ?? own);
  return own !== common && { notRun: `wrong: its first tokens are ${own}, those of most engines ${common}` };
}
