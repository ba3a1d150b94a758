/**
 * A backbone's tensors as our names have them: without a prefix, and without what is no part of the model of text (a vision
 * tower) or is computed here (tables of rotary angles, a head that is the embedding).
 */
import type { ModelConfig } from "@sst/layers";
import { backboneOf } from "../backbones/index.js";
import type { TensorFile } from "../formats/safetensors.js";

/** @param onNotice is told in words what is left out */
export function backboneTensors(
  file: TensorFile,
  config: ModelConfig,
  onNotice: ((words: string) => void) | undefined,
): TensorFile {
  const { tensorName = (name: string) => name } = backboneOf(config.modelType);
  const kept = new Map<string, string>();
  const skipped: string[] = [];
  for (const name of Object.keys(file.shapes)) {
    const own = isComputed(name, config) ? undefined : tensorName(name);
    if (own === undefined) skipped.push(name);
    else kept.set(own, name);
  }
  if (skipped.length > 0) onNotice?.(describe(skipped));
  const given = (name: string) => kept.get(name) as string;
  return {
    shapes: Object.fromEntries([...kept].map(([own, name]) => [own, file.shapes[name] as readonly number[]])),
    metadata: file.metadata,
    fileOf: (name) => file.fileOf(given(name)),
    read: (name, take) => file.read(given(name), take),
  };
}

function isComputed(name: string, { tieWordEmbeddings }: ModelConfig): boolean {
  return name.endsWith(".rotary_emb.inv_freq") || (tieWordEmbeddings && name.endsWith("lm_head.weight"));
}

/** By what the names begin with: a vision tower has hundreds of tensors. */
function describe(names: readonly string[]): string {
  const parts = names.map((name) => /^(?:model\.)?(vision_tower|multi_modal_projector)\./.exec(name)?.[1] ?? name);
  const counted = [...new Set(parts)].map((part) => {
    const count = parts.filter((each) => each === part).length;
    return count === 1 ? part : `${count} tensors of ${part}`;
  });
  return `left out, since the model of text does without: ${counted.join(", ")}`;
}
