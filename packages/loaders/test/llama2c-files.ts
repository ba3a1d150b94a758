/** llama2.c's tokenizer files, made by us. */

/** Three special tokens, the bytes, then pieces with scores. */
export function llama2cTokenizerFile(pieces: [string, number][]): Uint8Array {
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, "0");
  const all: [string, number][] = [
    ["<unk>", 0],
    ["<s>", 0],
    ["</s>", 0],
    ...Array.from({ length: 256 }, (_, byte): [string, number] => [`<0x${hex(byte)}>`, 0]),
    ...pieces,
  ];
  const encoded = all.map(([text, score]) => ({ bytes: new TextEncoder().encode(text), score }));
  const bytes = new Uint8Array(4 + encoded.reduce((sum, { bytes: piece }) => sum + 8 + piece.length, 0));
  const view = new DataView(bytes.buffer);
  view.setInt32(0, Math.max(...encoded.map(({ bytes: piece }) => piece.length)), true);
  let position = 4;
  for (const { bytes: piece, score } of encoded) {
    view.setFloat32(position, score, true);
    view.setInt32(position + 4, piece.length, true);
    bytes.set(piece, position + 8);
    position += 8 + piece.length;
  }
  return bytes;
}
