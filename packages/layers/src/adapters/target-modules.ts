/** Which linear layers have adapters: by the ends of their names, as PEFT has it, and by pattern. */
import { SstError } from "@sst/tensor";
import picomatch from "picomatch";
import type { LoraConfig, ModelConfig } from "../config.js";
import { linearShapes } from "../parameters.js";

/** The names of all linear layers of the decoder, such as `model.layers.0.self_attn.q_proj`. */
export function linearModules(config: ModelConfig): string[] {
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => layer);
  const parts = Object.entries(linearShapes(config)).map(([name, { parent }]) => `${parent}.${name}`);
  return layers.flatMap((layer) => parts.map((part) => `model.layers.${layer}.${part}`));
}

/** Whether a linear layer has an adapter: a target is its whole name or the last parts of it. */
export function isTarget({ targetModules }: LoraConfig, module: string): boolean {
  return targetModules.some((target) => module === target || module.endsWith(`.${target}`));
}

/**
 * The linear layers that any of the patterns matches, as targets of a `LoraConfig`. A pattern is the last part of names
 * (`q_proj`), a glob over whole names (`model.layers.{0,1}.mlp.*`, `*.[qv]_proj`) or a regular expression between slashes
 * (`/layers\.[0-3]\..*_proj$/`).
 *
 * @throws SstError `invalid-argument` for a pattern that matches nothing or is no regular expression
 */
export function targetsMatching(config: ModelConfig, patterns: readonly string[]): string[] {
  const modules = linearModules(config);
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const matched = modules.filter(matcherOf(pattern));
    if (matched.length === 0) {
      const known = Object.keys(linearShapes(config)).join(", ");
      throw new SstError(
        "invalid-argument",
        `no linear layer matches "${pattern}"; they are called ${modules[0]} and so on, and end in ${known}`,
      );
    }
    for (const module of matched) chosen.add(module);
  }
  // A kind that has adapters in all layers goes by its last part alone.
  const targets = Object.keys(linearShapes(config)).flatMap((name) => {
    const kind = modules.filter((module) => module.endsWith(`.${name}`));
    const adapted = kind.filter((module) => chosen.has(module));
    return adapted.length === kind.length ? [name] : adapted;
  });
  return targets;
}

function matcherOf(pattern: string): (module: string) => boolean {
  const expression = /^\/(.*)\/$/.exec(pattern)?.[1];
  if (expression === undefined) {
    const matches = picomatch(pattern);
    return (module) => matches(module) || module.endsWith(`.${pattern}`);
  }
  try {
    const compiled = new RegExp(expression);
    return (module) => compiled.test(module);
  } catch (cause) {
    throw new SstError("invalid-argument", `"${pattern}" is no regular expression (${(cause as Error).message})`, {
      cause,
    });
  }
}
