/** From a trace to what the report shows: basins, projections and modes. */
import {
  bimodality,
  type DistributionFigures,
  findBasins,
  projectStates,
  type StateFigures,
  type TraceRecord,
} from "@sst/infer";
import type { Distribution, Figures, InspectionData, LayerData, ModesData, Share } from "./inspection-data.js";

export interface Traced {
  readonly records: readonly TraceRecord[];
  /** `[layer][position]`: each position's state after its last iteration. */
  readonly states: readonly (readonly Float32Array[])[];
}

export interface AnalysisContext {
  readonly model: string;
  readonly outcome: InspectionData["outcome"];
  readonly hiddenSize: number;
  /** Texts of the tokens that were read, by position. */
  readonly texts: readonly string[];
  /** The text of any token. */
  nameOf(token: number): string;
}

export function analyse({ records, states }: Traced, context: AnalysisContext): InspectionData {
  const { model, outcome, hiddenSize, texts } = context;
  const positions = records.map((record, index) => ({
    token: record.token,
    text: texts[index] || numbered(record.token),
    isGenerated: record.origin === "generated",
    posterior: record.posterior.map(distribution),
    positionShiftBits: short(record.positionShiftBits),
    iterationShiftBits: short(record.iterationShiftBits),
  }));
  const layers = states.map((ofLayer, layer) => layerData(records, ofLayer, layer));
  const named = new Set([
    ...positions.flatMap(({ posterior }) => posterior.flatMap(({ top }) => top.map(([token]) => token))),
    ...layers.flatMap(({ lens }) => lens.flat(2).map(([token]) => token)),
  ]);
  return {
    model,
    outcome,
    hiddenSize,
    iterations: Math.max(...records.map(({ posterior }) => posterior.length)),
    positions,
    layers,
    modes: modesOf(records),
    names: Object.fromEntries([...named].map((token) => [token, context.nameOf(token) || numbered(token)])),
  };
}

function layerData(records: readonly TraceRecord[], states: readonly Float32Array[], layer: number): LayerData {
  const figures = (pick: (state: StateFigures) => number | null): Figures =>
    records.map(({ layers }) => (layers[layer] as readonly StateFigures[]).map((state) => short(pick(state))));
  const { basinOf, basinCount, silhouette, changePoints } = findBasins(states);
  const { points, explained } = projectStates(states);
  return {
    norm: figures(({ norm }) => norm),
    cosineToPosition: figures(({ cosineToPosition }) => cosineToPosition),
    cosineToIteration: figures(({ cosineToIteration }) => cosineToIteration),
    divergenceBits: figures(({ lens }) => lens.divergenceBits),
    lens: records.map(({ layers }) => (layers[layer] ?? []).map(({ lens }) => shares(lens, 3))),
    basinOf,
    basinCount,
    silhouette: short(silhouette),
    changePoints,
    points: points.map(([x, y]) => [short(x), short(y)]),
    explained: [short(explained[0]), short(explained[1])],
  };
}

/** Of the two kinds of shifts, where there are enough of them to ask. */
function modesOf(records: readonly TraceRecord[]): ModesData[] {
  const kinds = [
    { title: "From one position to the next", pick: (record: TraceRecord) => record.positionShiftBits },
    { title: "From the first iteration to the last", pick: (record: TraceRecord) => record.iterationShiftBits },
  ];
  return kinds.flatMap(({ title, pick }) => {
    const values = records.map(pick).filter((value) => value !== null);
    if (values.length < 4) return [];
    const { coefficient, dip, pValue, isBimodal } = bimodality(values);
    return [{ title, unit: "bits", values: values.map((value) => short(value)), coefficient, dip, pValue, isBimodal }];
  });
}

function distribution(figures: DistributionFigures): Distribution {
  const { entropyNats, divergenceBits } = figures;
  return { entropyNats: short(entropyNats), divergenceBits: short(divergenceBits), top: shares(figures, 5) };
}

function shares({ top }: DistributionFigures, count: number): Share[] {
  return top.slice(0, count).map(({ token, probability }) => [token, short(probability)]);
}

/** Tokens without a text of their own: start and end, parts of a character. */
function numbered(token: number): string {
  return `⟨${token}⟩`;
}

/** More digits than a picture shows. */
function short<Value extends number | null>(value: Value): Value {
  return (value === null ? null : Number(value.toPrecision(6))) as Value;
}
