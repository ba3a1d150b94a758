/** GSM8K as rows of tokens for co-training: to train on, to evaluate on in between, and the test split. */
import { gsm8kText, readGsm8k, type Tokenizer } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { type Batch, nextTokenBatch } from "@sst/train";
import { EncodedTexts, stepRows } from "../text-rows.js";

export interface RowSizes {
  readonly length: number;
  readonly batchSize: number;
}

export interface CotrainTexts {
  readonly train: EncodedTexts;
  /** The last tenth of the training split, where some of it is to be held out; otherwise empty. */
  readonly held: EncodedTexts;
  readonly test: EncodedTexts;
}

/** GSM8K's two splits; of a single file the last tenth is the test split. */
export async function readTexts(path: string, tokenizer: Tokenizer, holdsOut: boolean): Promise<CotrainTexts> {
  const { train, test } = await readGsm8k(path);
  const count = holdsOut ? Math.ceil(train.length / 10) : 0;
  if (count === train.length) throw new SstError("file-corrupt", `${path} holds ${count} problem to train on: too few`);
  const encoded = (problems: typeof train) => new EncodedTexts(problems.map(gsm8kText), tokenizer);
  const border = train.length - count;
  return { train: encoded(train.slice(0, border)), held: encoded(train.slice(border)), test: encoded(test) };
}

/** Batches of one step, the same for the same seed and step. */
export function stepBatches(
  texts: EncodedTexts,
  step: number,
  { accumulate, batchSize, length, seed }: RowSizes & { readonly accumulate: number; readonly seed: number },
): Batch[] {
  return Array.from({ length: accumulate }, (_, part) =>
    nextTokenBatch(stepRows(texts, seed, step * accumulate + part, batchSize, length + 1)),
  );
}

/** As in training, every row begins with a problem: what a model says without its start token is another question. */
export function evaluationBatches(texts: EncodedTexts, rowCount: number, { batchSize, length }: RowSizes): Batch[] {
  const count = Math.min(rowCount, texts.count);
  const rows = Array.from({ length: count }, (_, first) => texts.rowFrom(first, length + 1));
  const batchCount = Math.ceil(count / batchSize);
  return Array.from({ length: batchCount }, (_, index) =>
    nextTokenBatch(rows.slice(index * batchSize, (index + 1) * batchSize)),
  );
}
