/** Writing safetensors, piece by piece: at no time is a file whole in memory. */
import type { HostTensor } from "@sst/layers";
import { SstError } from "@sst/tensor";
import { toBfloat16, toFloat16 } from "./half-floats.js";

/** PyTorch's names, as in `torch_dtype`. */
export const weightTypes = ["float32", "bfloat16", "float16"] as const;

/** How a value is written. */
export type WeightType = (typeof weightTypes)[number];

export interface SafetensorsOptions {
  /** Defaults to `float32`; the others round to nearest, ties to even. */
  readonly dtype?: WeightType | undefined;
  /** Texts for the header. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

type Tensors = Readonly<Record<string, HostTensor>>;

const types: Readonly<Record<WeightType, { readonly name: string; readonly itemBytes: number }>> = {
  float32: { name: "F32", itemBytes: 4 },
  bfloat16: { name: "BF16", itemBytes: 2 },
  float16: { name: "F16", itemBytes: 2 },
};

/** Values that are rounded at a time. */
const PIECE_VALUES = 2 ** 19;

/** Of a tensor's values in a file. */
export function writtenBytes({ data }: HostTensor, dtype: WeightType = "float32"): number {
  return data.length * types[dtype].itemBytes;
}

/** Tensors as the bytes of a file, in the order that they are given in. @throws SstError as `safetensorsParts` */
export function writeSafetensors(tensors: Tensors, options: SafetensorsOptions = {}): Uint8Array {
  return joined([...safetensorsParts(tensors, options)]);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.byteLength;
  }
  return bytes;
}

/**
 * What `writeSafetensors` gives, piece by piece: the header, then the values, for F32 as views of the tensors' own memory.
 *
 * @throws SstError `not-finite` for a value that the type is too narrow for, naming the tensor
 */
export function* safetensorsParts(
  tensors: Tensors,
  { dtype = "float32", metadata }: SafetensorsOptions = {},
): Generator<Uint8Array, void> {
  yield header(tensors, dtype, metadata);
  for (const [name, { data }] of Object.entries(tensors)) {
    if (dtype === "float32") yield bytesOf(data);
    else for (let i = 0; i < data.length; i += PIECE_VALUES) yield rounded(name, data, i, dtype);
  }
}

function header(tensors: Tensors, dtype: WeightType, metadata: SafetensorsOptions["metadata"]): Uint8Array {
  let position = 0;
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const begin = position;
    position += writtenBytes(tensor, dtype);
    return [name, { dtype: types[dtype].name, shape: tensor.shape, data_offsets: [begin, position] }];
  });
  const json = new TextEncoder().encode(
    JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) }),
  );
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(json, 8);
  return bytes;
}

function rounded(name: string, data: Float32Array, begin: number, dtype: "bfloat16" | "float16"): Uint8Array {
  const values = data.subarray(begin, begin + PIECE_VALUES);
  const halves = dtype === "float16" ? toFloat16(values) : toBfloat16(values);
  // All ones in the exponent: infinite, or no number.
  const exponent = dtype === "float16" ? 0x7c00 : 0x7f80;
  const bad = halves.findIndex((half) => (half & exponent) === exponent);
  if (bad < 0) return bytesOf(halves);
  throw new SstError(
    "not-finite",
    `tensor "${name}": entry ${begin + bad} is ${values[bad]}, which ${dtype} cannot hold: write float32` +
      (dtype === "float16" ? ", or bfloat16, which reaches further" : ""),
  );
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
