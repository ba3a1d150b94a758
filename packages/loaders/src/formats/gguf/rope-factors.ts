/**
 * Llama 3's rope scaling in GGUF: no numbers of how it is made, but a tensor with what each frequency is divided by. There and
 * back again, for the low and high factors that all of its models have.
 */
import { type ModelConfig, type RopeScaling, rotaryFrequencies } from "@sst/layers";
import { unsupported } from "./errors.js";

const [lowFreqFactor, highFreqFactor] = [1, 4];

/** `[headDim / 2]`. */
export function ropeFactors(config: ModelConfig): Float32Array {
  const plain = plainFrequencies(config);
  return Float32Array.from(
    rotaryFrequencies(config, "full_attention"),
    (frequency, index) => (plain[index] as number) / frequency,
  );
}

/**
 * What factors were made from. Where none of them lies between 1 and the largest, several original lengths give the same
 * factors: it is one of these then.
 *
 * @throws SstError `file-unsupported` for factors that were made otherwise
 */
export function inferScaling(factors: Float32Array, config: ModelConfig, fileName: string): RopeScaling {
  const lengths = plainFrequencies(config).map((frequency) => (2 * Math.PI) / frequency);
  const factor = Number(Math.max(...factors).toPrecision(6));
  const between = Array.from(factors, (found, index) => originalFrom(found, factor, lengths[index] as number));
  // Where none says it: beyond the last frequency that is kept.
  const lastKept = Math.max(0, ...lengths.filter((_, index) => factors[index] === 1));
  const originals = [...between.filter((original) => original !== undefined), lastKept * highFreqFactor + 1];
  for (const original of originals) {
    const originalMaxPositionEmbeddings = Math.max(1, Math.round(original));
    const ropeScaling = {
      ropeType: "llama3",
      factor,
      lowFreqFactor,
      highFreqFactor,
      originalMaxPositionEmbeddings,
    } as const;
    if (areNear(ropeFactors({ ...config, ropeScaling }), factors)) return ropeScaling;
  }
  throw unsupported(
    fileName,
    'the tensor "rope_freqs.weight" holds factors that Llama 3\'s rope scaling does not give; supported are those of Llama ' +
      "3.1 to 3.3",
  );
}

/** The context that gives this factor; undefined for factors that do not depend on it. */
function originalFrom(found: number, factor: number, length: number): number | undefined {
  if (!(found > 1 + 1e-4 && found < factor * (1 - 1e-4))) return undefined;
  const kept = (1 / found - 1 / factor) / (1 - 1 / factor);
  return length * (lowFreqFactor + kept * (highFreqFactor - lowFreqFactor));
}

function plainFrequencies({ ropeScaling, ...config }: ModelConfig): number[] {
  return rotaryFrequencies(config, "full_attention");
}

function areNear(values: Float32Array, expected: Float32Array): boolean {
  return (
    values.length === expected.length &&
    values.every((value, index) => Math.abs(value / (expected[index] as number) - 1) <= 1e-5)
  );
}
