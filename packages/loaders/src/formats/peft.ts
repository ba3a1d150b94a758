/** LoRA adapters in PEFT's files, so that Python tools open them. */
import type { HostTensor, LoraConfig } from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { jsonBytes, parseJson } from "../files/json.js";
import type { TensorFile } from "./safetensors.js";
import { writeSafetensors } from "./safetensors-write.js";

export const adapterConfigFile = "adapter_config.json";
export const adapterWeightsFile = "adapter_model.safetensors";

const prefix = "base_model.model.";

const adapterSchema = v.object({
  peft_type: v.literal("LORA"),
  r: v.pipe(v.number(), v.integer(), v.minValue(1)),
  lora_alpha: v.pipe(v.number(), v.gtValue(0)),
  target_modules: v.array(v.string()),
  bias: v.optional(v.string(), "none"),
  use_rslora: v.optional(v.boolean(), false),
  use_dora: v.optional(v.boolean(), false),
  fan_in_fan_out: v.optional(v.boolean(), false),
  rank_pattern: v.nullish(v.record(v.string(), v.unknown()), {}),
  alpha_pattern: v.nullish(v.record(v.string(), v.unknown()), {}),
});

export interface Adapter {
  readonly config: LoraConfig;
  readonly weights: Readonly<Record<string, HostTensor>>;
}

/**
 * @throws SstError `file-corrupt` naming the file and what is wrong with it, `file-unsupported` naming a field that asks for
 * what we do not have
 */
export function readAdapterConfig(bytes: Uint8Array): LoraConfig {
  const raw = parseJson(bytes, adapterSchema, adapterConfigFile);
  requirePlainLora(raw);
  return { rank: raw.r, alpha: raw.lora_alpha, targetModules: raw.target_modules };
}

/** The file of weights by our names, without PEFT's prefix. @throws SstError `file-corrupt` for a name without it */
export function adapterTensors({ fileOf, metadata, shapes, read }: TensorFile): TensorFile {
  const renamed = Object.entries(shapes).map(([name, shape]) => [withoutPrefix(name), shape]);
  return { fileOf, metadata, shapes: Object.fromEntries(renamed), read: (name, take) => read(prefix + name, take) };
}

/** These change what an adapter computes, so they are not passed over. */
function requirePlainLora(raw: v.InferOutput<typeof adapterSchema>): void {
  const plain = {
    bias: "none",
    use_rslora: false,
    use_dora: false,
    fan_in_fan_out: false,
    rank_pattern: {},
    alpha_pattern: {},
  };
  for (const [field, supported] of Object.entries(plain)) {
    const [found, expected] = [raw[field as keyof typeof plain], supported].map((value) => JSON.stringify(value));
    if (found === expected) continue;
    throw new SstError("file-unsupported", `${adapterConfigFile}: ${field} is ${found}; supported is ${expected}`);
  }
}

function withoutPrefix(name: string): string {
  if (name.startsWith(prefix)) return name.slice(prefix.length);
  throw new SstError("file-corrupt", `${adapterWeightsFile}: tensor "${name}" should begin with "${prefix}"`);
}

export function adapterFiles({ config, weights }: Adapter): Record<string, Uint8Array> {
  const prefixed = Object.entries(weights).map(([name, tensor]) => [prefix + name, tensor]);
  return {
    [adapterConfigFile]: jsonBytes({
      peft_type: "LORA",
      task_type: "CAUSAL_LM",
      bias: "none",
      lora_dropout: 0,
      r: config.rank,
      lora_alpha: config.alpha,
      target_modules: config.targetModules,
    }),
    [adapterWeightsFile]: writeSafetensors(Object.fromEntries(prefixed), { metadata: { format: "pt" } }),
  };
}
