/**
 * Llama 3's rope scaling in GGUF: no numbers of how it is made, but a tensor with what each frequency is divided by. There and
 * back again, for the low and high factors that all of its models have.
 */
import type { RopeScaling } from "@sst/layers";
import { SstError } from "@sst/tensor";

type Llama3Scaling = Extract<RopeScaling, { ropeType: "llama3" }>;

interface Frequencies {
  readonly headDim: number;
  readonly ropeTheta: number;
}

const [lowFreqFactor, highFreqFactor] = [1, 4];

/** `[headDim / 2]`. */
export function ropeFactors(scaling: Llama3Scaling, frequencies: Frequencies): Float32Array {
  const { factor, originalMaxPositionEmbeddings: original } = scaling;
  return wavelengths(frequencies).map((length) => {
    const share = (original / length - scaling.lowFreqFactor) / (scaling.highFreqFactor - scaling.lowFreqFactor);
    const kept = Math.min(1, Math.max(0, share));
    return 1 / ((1 - kept) / factor + kept);
  });
}

/**
 * What factors were made from. Where none of them lies between 1 and the largest, several original lengths give the same
 * factors: it is one of these then.
 *
 * @throws SstError `file-unsupported` for factors that were made otherwise
 */
export function inferScaling(factors: Float32Array, frequencies: Frequencies, fileName: string): Llama3Scaling {
  const lengths = wavelengths(frequencies);
  const factor = Number(Math.max(...factors).toPrecision(6));
  const scaling = (original: number): Llama3Scaling => ({
    ropeType: "llama3",
    factor,
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositionEmbeddings: Math.max(1, Math.round(original)),
  });
  const candidates = Array.from(factors, (found, index) => originalFrom(found, factor, lengths[index] as number));
  // Without one that lies between: beyond four times the last that is kept, and before the first that is divided.
  const lastKept = Math.max(0, ...lengths.filter((_, index) => factors[index] === 1));
  for (const original of [...candidates.filter((each) => each !== undefined), lastKept * highFreqFactor + 1]) {
    const found = scaling(original);
    if (ropeFactors(found, frequencies).every((each, index) => isNear(each, factors[index] as number))) return found;
  }
  throw new SstError(
    "file-unsupported",
    `${fileName}: the tensor "rope_freqs.weight" holds factors that Llama 3's rope scaling does not give; supported are ` +
      "those of Llama 3.1 to 3.3",
  );
}

/** Undefined for factors that do not depend on it. */
function originalFrom(found: number, factor: number, length: number): number | undefined {
  if (!(found > 1 + 1e-4 && found < factor * (1 - 1e-4))) return undefined;
  const kept = (1 / found - 1 / factor) / (1 - 1 / factor);
  return length * (lowFreqFactor + kept * (highFreqFactor - lowFreqFactor));
}

function wavelengths({ headDim, ropeTheta }: Frequencies): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, index) => 2 * Math.PI * ropeTheta ** ((2 * index) / headDim));
}

function isNear(value: number, expected: number): boolean {
  return Math.abs(value - expected) <= 1e-5 * Math.abs(expected);
}
