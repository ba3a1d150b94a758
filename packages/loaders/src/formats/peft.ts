/** LoRA adapters in PEFT's files, so that Python tools open them. */
import type { HostTensor, LoraConfig } from "@sst/layers";
import * as v from "valibot";
import { jsonBytes, parseJson } from "../files/json.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

export const adapterConfigFile = "adapter_config.json";
export const adapterWeightsFile = "adapter_model.safetensors";

const prefix = "base_model.model.";

const adapterSchema = v.object({
  peft_type: v.literal("LORA"),
  r: v.pipe(v.number(), v.integer(), v.minValue(1)),
  lora_alpha: v.pipe(v.number(), v.gtValue(0)),
  target_modules: v.array(v.string()),
});

export interface Adapter {
  readonly config: LoraConfig;
  readonly weights: Readonly<Record<string, HostTensor>>;
}

/** @throws SstError `file-corrupt` naming the file and what is wrong with it */
export function readAdapter(configBytes: Uint8Array, weightBytes: Uint8Array): Adapter {
  const { r, lora_alpha, target_modules } = parseJson(configBytes, adapterSchema, adapterConfigFile);
  const stored = readSafetensors(weightBytes, adapterWeightsFile);
  const weights = Object.entries(stored).map(([name, tensor]) => [name.replace(prefix, ""), tensor]);
  return {
    config: { rank: r, alpha: lora_alpha, targetModules: target_modules },
    weights: Object.fromEntries(weights),
  };
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
    [adapterWeightsFile]: writeSafetensors(Object.fromEntries(prefixed)),
  };
}
