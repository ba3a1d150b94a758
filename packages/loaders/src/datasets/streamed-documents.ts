/** Data sets that stay in their files: documents are read and encoded when their turn comes. */
import { SstError } from "@sst/tensor";
import type { FileSource } from "../files/file-source.js";
import type { Tokenizer } from "../tokenizers/tokenizer.js";
import { type FilePart, FileParts } from "./file-parts.js";
import {
  type EncodedDocument,
  type InstructionEncoder,
  instructionDocument,
  requireTemplate,
} from "./instruction-document.js";
import { instructionOf } from "./instructions.js";
import { linesOf, lineText, utf8Text } from "./lines.js";
import { textCuts } from "./text-cuts.js";

/** Documents in parts, each of which is read by itself: what `StreamedBatches` of `@sst/train` takes. Close it in the end. */
export class StreamedDocuments {
  constructor(
    private readonly parts: FileParts,
    private readonly documentsOf: (part: FilePart) => readonly EncodedDocument[],
  ) {}

  get partCount(): number {
    return this.parts.partCount;
  }

  /** Another one where the files hold something else: a cursor into them does not hold there. */
  get fingerprint(): string {
    return this.parts.fingerprint;
  }

  /** What is in memory as long as this is open: eight bytes a part. */
  get indexBytes(): number {
    return this.parts.indexBytes;
  }

  /** @throws SstError `file-corrupt` for a file that was changed since, and what encoding throws, with file and line */
  async part(index: number): Promise<readonly EncodedDocument[]> {
    return this.documentsOf(await this.parts.read(index));
  }

  async close(): Promise<void> {
    await this.parts.close();
  }
}

/**
 * A file of JSON lines for instruction tuning (`readInstructions` says which), a part a line. All lines are checked first.
 *
 * @throws SstError `file-not-found`, `file-corrupt` with file and line, `file-unsupported` for conversations without a chat
 * template
 */
export async function openInstructions(
  source: FileSource,
  fileName: string,
  encoder: InstructionEncoder,
): Promise<StreamedDocuments> {
  const parts = await FileParts.open(source, [fileName], async (blocks) => {
    const starts: number[] = [];
    for await (const line of linesOf(blocks, fileName)) {
      const instruction = instructionOf(line, fileName);
      if (instruction && "messages" in instruction)
        at(`${fileName}, line ${line.number}`, () => requireTemplate(encoder));
      starts.push(line.position);
    }
    return starts;
  });
  return new StreamedDocuments(parts, ({ bytes, number }) => {
    const place = `${fileName}, line ${number}`;
    const text = lineText(bytes, place, number === 1);
    const instruction = instructionOf({ number, text }, fileName);
    return instruction === undefined ? [] : [at(place, () => instructionDocument(instruction, encoder))];
  });
}

export interface TextOptions {
  readonly tokenizer: Tokenizer;
  /** Tokens of a row: what is longer goes on in the next document. */
  readonly length: number;
  /** Bytes that are read at a time; defaults to four a token of a row, at least 4096. */
  readonly partBytes?: number;
}

/**
 * Plain texts, one file after the other. A long text is cut where lines or words end; each part begins with the start token, and
 * the last of a file ends with the end token.
 *
 * @throws SstError `file-not-found`, `file-corrupt` for what is no UTF-8
 */
export async function openTexts(
  source: FileSource,
  fileNames: readonly string[],
  { tokenizer, length, partBytes = Math.max(4096, 4 * length) }: TextOptions,
): Promise<StreamedDocuments> {
  if (!(partBytes >= 8)) throw new SstError("invalid-argument", `partBytes should be at least 8, but is ${partBytes}`);
  const parts = await FileParts.open(source, fileNames, (blocks, name) => textCuts(blocks, name, partBytes));
  return new StreamedDocuments(parts, ({ bytes, fileName, isLastOfFile }) => {
    const tokens = tokenizer.encode(utf8Text(bytes, fileName));
    if (isLastOfFile && tokenizer.endToken !== undefined) tokens.push(tokenizer.endToken);
    return rowsOf(tokens, length);
  });
}

/** The texts of a folder: its `.txt` files, by name. @throws SstError `file-not-found` where there is none */
export async function textFiles(source: FileSource): Promise<string[]> {
  const names = (await source.list()).filter((name) => name.endsWith(".txt")).sort();
  if (names.length === 0) throw new SstError("file-not-found", `${source.location} holds no text (*.txt)`);
  return names;
}

/** Each row's last token is asked for there and read in the next. */
function rowsOf(tokens: readonly number[], length: number): EncodedDocument[] {
  const count = Math.ceil((tokens.length - 1) / length);
  return Array.from({ length: count }, (_, row) => ({ tokens: tokens.slice(row * length, (row + 1) * length + 1) }));
}

/** Says of an error where in the data it was. */
function at<Result>(place: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SstError)) throw error;
    throw new SstError(error.code, `${place}: ${error.message}`, { cause: error });
  }
}
