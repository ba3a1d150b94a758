/** The formats of values that we read, by ggml's numbers, and those that we write. */
import { GGMLQuantizationType } from "@huggingface/gguf";
import { type Pack, packBF16, packF16, packF32, packQ4_0, packQ8_0 } from "./pack-blocks.js";
import {
  type Unpack,
  unpackBF16,
  unpackF16,
  unpackF32,
  unpackQ4_0,
  unpackQ4_K,
  unpackQ6_K,
  unpackQ8_0,
} from "./unpack-blocks.js";

export interface TensorType {
  readonly name: string;
  /** ggml's number. */
  readonly id: GGMLQuantizationType;
  readonly blockEntries: number;
  readonly blockBytes: number;
  readonly unpack: Unpack;
}

export interface WritableType extends TensorType {
  readonly pack: Pack;
  /** What `general.file_type` says of a file whose matrices are of it: llama.cpp's number. */
  readonly fileType: number;
}

function tensorType(id: GGMLQuantizationType, blockEntries: number, blockBytes: number, unpack: Unpack): TensorType {
  return { name: GGMLQuantizationType[id], id, blockEntries, blockBytes, unpack };
}

const F32 = tensorType(GGMLQuantizationType.F32, 1, 4, unpackF32);
const F16 = tensorType(GGMLQuantizationType.F16, 1, 2, unpackF16);
const BF16 = tensorType(GGMLQuantizationType.BF16, 1, 2, unpackBF16);
const Q8_0 = tensorType(GGMLQuantizationType.Q8_0, 32, 34, unpackQ8_0);
const Q4_0 = tensorType(GGMLQuantizationType.Q4_0, 32, 18, unpackQ4_0);
const Q4_K = tensorType(GGMLQuantizationType.Q4_K, 256, 144, unpackQ4_K);
const Q6_K = tensorType(GGMLQuantizationType.Q6_K, 256, 210, unpackQ6_K);

export const tensorTypes: Readonly<Record<number, TensorType>> = Object.fromEntries(
  [F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K].map((type) => [type.id, type]),
);

/** The formats that matrices can be written in. */
export const writableTypes = {
  f32: { ...F32, pack: packF32, fileType: 0 },
  f16: { ...F16, pack: packF16, fileType: 1 },
  bf16: { ...BF16, pack: packBF16, fileType: 32 },
  q8_0: { ...Q8_0, pack: packQ8_0, fileType: 7 },
  q4_0: { ...Q4_0, pack: packQ4_0, fileType: 2 },
} as const satisfies Readonly<Record<string, WritableType>>;

export type GgufFormat = keyof typeof writableTypes;
