/** The data that `sst train` trains a model on, told apart by what lies there: GSM8K, instruction tuning, or plain texts. */
import { open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  type FileSource,
  folderSource,
  type Gsm8kProblem,
  gsm8kText,
  gsm8kTokens,
  loadChatTemplate,
  openInstructions,
  openTexts,
  readGsm8k,
  type StreamedDocuments,
  type Tokenizer,
  textFiles,
} from "@sst/loaders";
import { SstError } from "@sst/tensor";
import {
  asksWithin,
  type Batch,
  type BatchSource,
  DocumentBatches,
  type DocumentParts,
  documentBatches,
  documentsWhenAsked,
  type Json,
  StreamedBatches,
  type TokenDocument,
} from "@sst/train";

export interface TrainingDataOptions {
  readonly data: string;
  readonly evalData?: string;
  readonly length: number;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly seed: number;
  readonly pack?: boolean;
  readonly answersOnly?: boolean;
  /** The day that chat templates show. */
  readonly date?: Date;
}

export interface TrainingData {
  readonly batches: BatchSource;
  /** Of what is held out from training. */
  readonly evaluated: readonly Batch[];
  /** What has to be the same for a run that goes on, beside the options. */
  readonly configuration: Readonly<Record<string, Json>>;
  close(): Promise<void>;
}

/** Held-out documents that an evaluation takes. */
const EVALUATED = 200;

/** What is looked at of a file to see what it is. */
const HEAD_BYTES = 2 ** 16;

type Kind = "gsm8k" | "instructions" | "texts";

/** @param model for its chat template */
export async function openTrainingData(
  model: FileSource,
  tokenizer: Tokenizer,
  options: TrainingDataOptions,
): Promise<TrainingData> {
  const kind = await kindOf(options.data);
  if (kind === "gsm8k") return gsm8kData(tokenizer, options);
  if (kind === "texts" && options.answersOnly) {
    throw new SstError("contradiction", "--answers-only is for questions with answers, and a plain text has none");
  }
  return streamedData(model, tokenizer, kind, options);
}

/** Of one file or folder the last tenth of the training split is held out; the test split stays unseen. */
async function gsm8kData(tokenizer: Tokenizer, options: TrainingDataOptions): Promise<TrainingData> {
  const { answersOnly = false, data, evalData, length } = options;
  const { train } = await readGsm8k(data);
  const encode = (problem: Gsm8kProblem): TokenDocument =>
    answersOnly ? gsm8kTokens(problem, tokenizer) : { tokens: tokenizer.encode(gsm8kText(problem)) };
  const other = evalData === undefined ? undefined : await readGsm8k(evalData);
  const border = other ? train.length : borderOf(train.length, `${data} holds ${train.length} problem`);
  const held = other ? [...other.test, ...other.train] : train.slice(border);
  const rows = rowsOf(options);
  return {
    batches: new DocumentBatches(documentsWhenAsked(train.slice(0, border), encode), { ...rows, ...orderOf(options) }),
    evaluated: documentBatches(await firstAsking(eachOf(held, encode), length), rows),
    configuration: {},
    close: async () => {},
  };
}

async function streamedData(
  model: FileSource,
  tokenizer: Tokenizer,
  kind: Kind,
  options: TrainingDataOptions,
): Promise<TrainingData> {
  const { data, date = new Date(), evalData, length } = options;
  const template = await loadChatTemplate(model);
  const openPath = (path: string) => openDocuments(path, { tokenizer, template, now: date }, length);
  const documents = await openPath(data);
  const other = evalData === undefined ? undefined : await openPath(evalData);
  const close = async () => {
    await documents.close();
    await other?.close();
  };
  try {
    const count = documents.partCount;
    const border = other ? count : borderOf(count, `${data} can be cut into ${count} part`);
    const held = other ?? partsFrom(documents, border, count);
    const rows = rowsOf(options);
    return {
      batches: new StreamedBatches(partsFrom(documents, 0, border), { ...rows, ...orderOf(options) }),
      evaluated: documentBatches(await firstAsking(documentsOf(held), length), rows),
      configuration: kind === "instructions" && template?.showsDate ? { date: date.toDateString() } : {},
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Encoder = Parameters<typeof openInstructions>[2];

async function openDocuments(path: string, encoder: Encoder, length: number): Promise<StreamedDocuments> {
  const { tokenizer } = encoder;
  if ((await stat(path)).isDirectory()) {
    const source = await folderSource(path);
    return openTexts(source, await textFiles(source), { tokenizer, length });
  }
  const source = await folderSource(dirname(path));
  if ((await kindOf(path)) === "texts") return openTexts(source, [basename(path)], { tokenizer, length });
  return openInstructions(source, basename(path), encoder);
}

/** GSM8K is a folder with its training split, or a file of questions and answers; other folders are of texts. */
async function kindOf(path: string): Promise<Kind> {
  if ((await stat(path)).isDirectory()) return (await isFile(join(path, "train.jsonl"))) ? "gsm8k" : "texts";
  if (path.endsWith(".txt")) return "texts";
  const fields = Object.keys((await firstRecord(path)) ?? {});
  return fields.includes("question") && fields.includes("answer") ? "gsm8k" : "instructions";
}

async function isFile(path: string): Promise<boolean> {
  const information = await stat(path).catch(() => undefined);
  return information?.isFile() ?? false;
}

/** What the first line says; undefined where it cannot be read, which whoever reads it all says better. */
async function firstRecord(path: string): Promise<object | undefined> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const line = buffer.toString("utf8", 0, bytesRead).trimStart().split("\n")[0] ?? "";
    return JSON.parse(line) as object;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

function rowsOf({ batchSize, length, pack = false }: TrainingDataOptions) {
  return { rows: batchSize, length, packed: pack };
}

function orderOf({ accumulate, seed }: TrainingDataOptions) {
  return { accumulate, seed };
}

/** Where the last tenth begins, which is held out. */
function borderOf(count: number, what: string): number {
  if (count >= 2) return count - Math.max(1, Math.floor(count / 10));
  throw new SstError("file-corrupt", `${what} to train on: too few, unless --eval-data says what to evaluate on`);
}

function partsFrom(documents: DocumentParts, start: number, end: number): DocumentParts {
  return {
    partCount: end - start,
    fingerprint: documents.fingerprint,
    part: (index) => documents.part(start + index),
  };
}

async function* documentsOf(parts: DocumentParts): AsyncGenerator<TokenDocument> {
  for (let index = 0; index < parts.partCount; index++) yield* await parts.part(index);
}

/** Encoding takes longer than reading: no more is encoded than is looked at. */
function* eachOf<Item>(items: readonly Item[], encode: (item: Item) => TokenDocument): Generator<TokenDocument> {
  for (const item of items) yield encode(item);
}

/** The first ones whose answer begins within a row: the others ask for nothing. */
async function firstAsking(
  documents: Iterable<TokenDocument> | AsyncIterable<TokenDocument>,
  length: number,
): Promise<readonly TokenDocument[]> {
  const asking: TokenDocument[] = [];
  for await (const document of documents) {
    if (asksWithin(length, document)) asking.push(document);
    if (asking.length === EVALUATED) break;
  }
  if (asking.length > 0) return asking;
  throw new SstError(
    "invalid-argument",
    `no held-out text has an answer that begins within ${length} tokens: choose a larger --length`,
  );
}
