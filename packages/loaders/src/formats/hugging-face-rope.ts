/**
 * Rotary embedding in `config.json`, in both generations: `rope_theta` with `rope_scaling`, and `rope_parameters`, which may
 * differ by type of layer (Transformers 5).
 */
import type { ModelConfig, RopeScaling } from "@sst/layers";
import * as v from "valibot";
import type { Backbone, Complaints } from "../backbones/backbone.js";

const positive = v.pipe(v.number(), v.gtValue(0));

const parameters = v.looseObject({
  rope_type: v.nullish(v.string()),
  type: v.nullish(v.string()),
  rope_theta: v.nullish(positive),
  partial_rotary_factor: v.nullish(v.number()),
  factor: v.nullish(positive),
  low_freq_factor: v.nullish(positive),
  high_freq_factor: v.nullish(positive),
  original_max_position_embeddings: v.nullish(positive),
});

type Parameters = v.InferOutput<typeof parameters>;

export const ropeFields = {
  rope_theta: v.nullish(positive),
  rope_local_base_freq: v.nullish(positive),
  rope_scaling: v.nullish(parameters),
  rope_parameters: v.nullish(
    v.union([v.strictObject({ full_attention: parameters, sliding_attention: v.optional(parameters) }), parameters]),
  ),
  partial_rotary_factor: v.nullish(v.number()),
} as const;

type RopeFields = v.InferOutput<v.ObjectSchema<typeof ropeFields, undefined>>;

export type Rope = Pick<ModelConfig, "ropeTheta" | "ropeScaling" | "ropeLocalBaseFreq">;

/** What the fields say; what is in neither generation's is as the backbone has it. */
export function readRope(raw: RopeFields, backbone: Backbone, complain: Complaints): Rope {
  const { full, sliding } = byLayerType(raw.rope_parameters);
  requireWhole("partial_rotary_factor", raw.partial_rotary_factor, complain);
  const given = agreeing("rope_theta", raw.rope_theta, full?.rope_theta, complain);
  const local = agreeing("rope_local_base_freq", raw.rope_local_base_freq, sliding?.rope_theta, complain);
  const slides = sliding && scalingOf("rope_parameters.sliding_attention", sliding, complain);
  if (slides) complain.unsupported("rope_parameters.sliding_attention.rope_type", slides.ropeType, '"default"');
  const scaling =
    (full && scalingOf("rope_parameters", full, complain)) ??
    (raw.rope_scaling ? scalingOf("rope_scaling", raw.rope_scaling, complain) : undefined);
  const { ropeTheta } = backbone;
  if (local !== undefined && ropeTheta?.local === undefined) {
    complain.unsupported("rope_local_base_freq", local, "one rotary base for all layers of this model_type");
  }
  const ropeLocalBaseFreq = local ?? ropeTheta?.local;
  return {
    ropeTheta: given ?? ropeTheta?.full ?? 10_000,
    ...(scaling && { ropeScaling: scaling }),
    ...(ropeLocalBaseFreq !== undefined && { ropeLocalBaseFreq }),
  };
}

/** As the older generation, which the newer one reads too. */
export function ropeToJson({ ropeTheta, ropeScaling, ropeLocalBaseFreq }: ModelConfig): Record<string, unknown> {
  return {
    rope_theta: ropeTheta,
    ...(ropeScaling && { rope_scaling: scalingToJson(ropeScaling) }),
    ...(ropeLocalBaseFreq !== undefined && { rope_local_base_freq: ropeLocalBaseFreq }),
  };
}

function scalingToJson(scaling: RopeScaling): Record<string, unknown> {
  const { ropeType, factor } = scaling;
  if (ropeType === "linear") return { rope_type: ropeType, factor };
  return {
    rope_type: ropeType,
    factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalMaxPositionEmbeddings,
  };
}

function byLayerType(given: RopeFields["rope_parameters"]): { full?: Parameters; sliding?: Parameters | undefined } {
  if (given == null) return {};
  if (!("full_attention" in given)) return { full: given as Parameters };
  return { full: given.full_attention as Parameters, sliding: given.sliding_attention as Parameters | undefined };
}

function agreeing(
  field: string,
  older: number | null | undefined,
  newer: number | null | undefined,
  { bad }: Complaints,
): number | undefined {
  if (older != null && newer != null && older !== newer) bad(`${field} is ${older}, but rope_parameters say ${newer}`);
  return older ?? newer ?? undefined;
}

const knownByType: Readonly<Record<string, readonly string[]>> = {
  default: [],
  linear: ["factor"],
  llama3: ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
};

function scalingOf(field: string, raw: Parameters, complain: Complaints): RopeScaling | undefined {
  const ropeType = raw.rope_type ?? raw.type ?? "default";
  const needed = knownByType[ropeType];
  if (needed === undefined) complain.unsupported(`${field}.rope_type`, ropeType, '"default", "linear" or "llama3"');
  requireWhole(`${field}.partial_rotary_factor`, raw.partial_rotary_factor, complain);
  const unknown = Object.keys(raw).find((name) => !(name in parameters.entries));
  if (unknown !== undefined) complain.unsupported(`${field}.${unknown}`, raw[unknown], "to leave it out");
  const values = (needed as readonly string[]).map(
    (name) => (raw[name] as number | null | undefined) ?? complain.bad(`${field} is "${ropeType}" and lacks "${name}"`),
  ) as [number, number, number, number];
  const [factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings] = values;
  if (ropeType === "linear") return { ropeType, factor };
  if (ropeType !== "llama3") return undefined;
  if (lowFreqFactor >= highFreqFactor) complain.bad(`${field}: low_freq_factor should be below high_freq_factor`);
  return { ropeType, factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings };
}

function requireWhole(field: string, factor: number | null | undefined, { unsupported }: Complaints): void {
  if (factor != null && factor !== 1) unsupported(field, factor, "1");
}
