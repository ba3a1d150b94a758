/** A GGUF file with one tensor in another format, which its writer does not have. */
import { type GGMLQuantizationType, gguf } from "@huggingface/gguf";

/** @param path of a file in which the tensor is the first one */
export async function withFirstTensor(
  path: string,
  bytes: Uint8Array,
  type: GGMLQuantizationType,
  data: Uint8Array,
): Promise<Uint8Array> {
  const { tensorInfos, tensorInfoByteRange, tensorDataOffset } = await gguf(path, { allowLocalFile: true });
  const [first, second] = tensorInfos;
  if (first?.offset !== 0n || second === undefined) throw new Error("the file has no first tensor before others");
  const padded = new Uint8Array(Math.ceil(data.byteLength / 32) * 32);
  padded.set(data);
  const saved = Number(second.offset) - padded.byteLength;
  const start = Number(tensorDataOffset);
  const header = bytes.slice(0, start);
  const view = new DataView(header.buffer);
  let at = tensorInfoByteRange[0];
  for (const info of tensorInfos) {
    // The name with its length, the number of sizes, the sizes; then type and offset.
    at += 8 + new TextEncoder().encode(info.name).length + 4 + 8 * info.n_dims;
    if (info === first) view.setUint32(at, type, true);
    else view.setBigUint64(at + 4, info.offset - BigInt(saved), true);
    at += 12;
  }
  return Buffer.concat([header, padded, bytes.subarray(start + Number(second.offset))]);
}
