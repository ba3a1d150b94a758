/** The formats of values that we read, by ggml's numbers, and those that we write. */
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
  readonly id: number;
  readonly blockEntries: number;
  readonly blockBytes: number;
  readonly unpack: Unpack;
}

export interface WritableType extends TensorType {
  readonly pack: Pack;
  /** What `general.file_type` says of a file whose matrices are of it: llama.cpp's number. */
  readonly fileType: number;
}

const F32 = { name: "F32", id: 0, blockEntries: 1, blockBytes: 4, unpack: unpackF32 };
const F16 = { name: "F16", id: 1, blockEntries: 1, blockBytes: 2, unpack: unpackF16 };
const BF16 = { name: "BF16", id: 30, blockEntries: 1, blockBytes: 2, unpack: unpackBF16 };
const Q8_0 = { name: "Q8_0", id: 8, blockEntries: 32, blockBytes: 34, unpack: unpackQ8_0 };
const Q4_0 = { name: "Q4_0", id: 2, blockEntries: 32, blockBytes: 18, unpack: unpackQ4_0 };
const Q4_K = { name: "Q4_K", id: 12, blockEntries: 256, blockBytes: 144, unpack: unpackQ4_K };
const Q6_K = { name: "Q6_K", id: 14, blockEntries: 256, blockBytes: 210, unpack: unpackQ6_K };

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
