/**
 * `model.safetensors.index.json`: which tensor is in which file. Several files are one to whom they are read by; index and
 * files must say the same.
 */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { jsonBytes, parseJson } from "../files/json.js";
import type { TensorFile } from "./safetensors.js";

export const indexFile = "model.safetensors.index.json";

const indexSchema = v.object({ weight_map: v.record(v.string(), v.string()) });

/** File names by tensor. */
type WeightMap = Readonly<Record<string, string>>;

/** @throws SstError `file-corrupt` naming what is wrong, such as a name of a file elsewhere than beside the index */
export function readIndex(bytes: Uint8Array): WeightMap {
  const { weight_map } = parseJson(bytes, indexSchema, indexFile);
  for (const [tensor, shard] of Object.entries(weight_map)) {
    if (isPlainName(shard)) continue;
    throw new SstError(
      "file-corrupt",
      `${indexFile}: tensor "${tensor}" is said to be in "${shard}", which is no name of a .safetensors file in the same ` +
        "folder: nothing else is opened; get the model from whom you trust",
    );
  }
  return weight_map;
}

/** Names that stay in the folder on every system: no separators, no drives, not hidden, no parent. */
function isPlainName(name: string): boolean {
  return /^[^./\\:\0][^/\\:\0]*\.safetensors$/.test(name);
}

export function indexBytes(weightMap: WeightMap, totalBytes: number): Uint8Array {
  return jsonBytes({ metadata: { total_size: totalBytes }, weight_map: weightMap });
}

/**
 * The files of an index as one.
 *
 * @param open opens a file of that name
 * @throws SstError `file-corrupt` where index and file disagree, naming tensor and file, and what `open` throws
 */
export async function openShards(
  weightMap: WeightMap,
  open: (shard: string) => Promise<TensorFile>,
): Promise<TensorFile> {
  const shards = new Map<string, TensorFile>();
  for (const name of new Set(Object.values(weightMap))) shards.set(name, await open(name));
  const shapes: Record<string, readonly number[]> = {};
  for (const [tensor, name] of Object.entries(weightMap)) {
    const shape = shards.get(name)?.shapes[tensor];
    if (shape === undefined) throw disagree(`tensor "${tensor}" is said to be in ${name}, which does not hold it`);
    shapes[tensor] = shape;
  }
  for (const [name, shard] of shards) {
    const extra = Object.keys(shard.shapes).find((tensor) => weightMap[tensor] !== name);
    if (extra !== undefined) throw disagree(`${name} holds tensor "${extra}", which is not said to be there`);
  }
  const fileOf = (tensor: string) => weightMap[tensor] as string;
  const read: TensorFile["read"] = (tensor, take) => (shards.get(fileOf(tensor)) as TensorFile).read(tensor, take);
  return { shapes, metadata: {}, fileOf, read };
}

function disagree(complaint: string): SstError {
  return new SstError(
    "file-corrupt",
    `${indexFile}: ${complaint}: the files are not of one model; get all of them from one place`,
  );
}
