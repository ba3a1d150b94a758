/** The values of a tensor, in pieces. */
import type { TensorPlace } from "./header.js";

/** What is read at a time: small enough for a processor's cache. */
const PIECE_ENTRIES = 2 ** 18;

/**
 * Hands a tensor's values over as float32, first to last. A piece is good until `take` returns.
 *
 * @param together entries that are never parted, whole blocks of them
 * @throws SstError `file-corrupt` or `file-not-found` where the file is not there any more
 */
export async function readTensor(
  { type, position, sizeBytes, file }: TensorPlace,
  take: (values: Float32Array) => void,
  together: number = type.blockEntries,
): Promise<void> {
  const unitBytes = (together / type.blockEntries) * type.blockBytes;
  const pieceBytes = Math.min(sizeBytes, unitBytes * Math.max(1, Math.floor(PIECE_ENTRIES / together)));
  let [current, other] = [new Uint8Array(pieceBytes), new Uint8Array(pieceBytes)];
  const values = new Float32Array((pieceBytes / type.blockBytes) * type.blockEntries);
  const readInto = async (memory: Uint8Array, begin: number) => {
    const piece = memory.subarray(0, Math.max(0, Math.min(pieceBytes, sizeBytes - begin)));
    await file.read(position + Math.min(begin, sizeBytes), piece);
    return piece;
  };
  file.announce?.(position, sizeBytes);
  let piece = await readInto(current, 0);
  for (let begin = pieceBytes; piece.byteLength > 0; begin += pieceBytes) {
    // The next piece is on its way while this one is used.
    const next = readInto(other, begin);
    try {
      const unpacked = values.subarray(0, (piece.byteLength / type.blockBytes) * type.blockEntries);
      type.unpack(piece, unpacked);
      take(unpacked);
    } finally {
      piece = await next;
    }
    [current, other] = [other, current];
  }
}
