/**
 * GPQA (Rein et al. 2023): graduate questions with one right answer and three wrong ones, as the CSV that its authors give out.
 * They ask that no question be shown in public, so that models do not learn them: what is reported here is line numbers and
 * columns, never what stands there.
 */
import { Random, SstError } from "@sst/tensor";
import * as v from "valibot";
import type { FileSource } from "../files/file-source.js";

const text = v.pipe(v.string(), v.trim(), v.nonEmpty());
const columns = v.object({
  Question: text,
  "Correct Answer": text,
  "Incorrect Answer 1": text,
  "Incorrect Answer 2": text,
  "Incorrect Answer 3": text,
  "Record ID": v.optional(v.string(), ""),
});

export interface GpqaQuestion {
  /** The record's own, or the number of its row. */
  readonly id: string;
  readonly question: string;
  readonly correct: string;
  readonly incorrect: readonly string[];
}

const diamond = "gpqa_diamond.csv";

/**
 * The questions of a file such as `gpqa_diamond.csv`: by its path (Node only), or out of a source such as a hub's, where the
 * data set is gated and needs a token of somebody who has agreed to its terms.
 *
 * @param fileName within a source
 * @throws SstError `file-not-found`, `file-corrupt` with the line or the row and column, and what the source throws
 */
export async function readGpqa(from: string | FileSource, fileName: string = diamond): Promise<GpqaQuestion[]> {
  if (typeof from !== "string") return questionsOf(await from.read(fileName), `${from.location}/${fileName}`);
  const { readFile } = await import("node:fs/promises");
  const bytes = await readFile(from).catch((cause) => {
    throw new SstError("file-not-found", `${from} cannot be read`, { cause });
  });
  return questionsOf(bytes, from);
}

const letters = ["A", "B", "C", "D"] as const;

/** A question as it is put to a model. */
export interface GpqaPrompt {
  readonly prompt: string;
  /** Of the right answer. */
  readonly letter: (typeof letters)[number];
}

/** The four answers as choices, in an order drawn by seed and question, so that no letter is the right one more often. */
export function gpqaQuestion({ id, question, correct, incorrect }: GpqaQuestion, seed: number): GpqaPrompt {
  const answers = new Random(`gpqa/${seed}/${id}`).shuffled([correct, ...incorrect]);
  const choices = answers.map((answer, index) => `${letters[index]}. ${answer}\n`).join("");
  const letter = letters[answers.indexOf(correct)] as GpqaPrompt["letter"];
  return { prompt: `Question: ${question}\n${choices}Answer:`, letter };
}

async function questionsOf(bytes: Uint8Array, path: string): Promise<GpqaQuestion[]> {
  const rows = await parseRows(bytes, path);
  if (rows.length === 0) throw new SstError("file-corrupt", `${path} holds no questions`);
  return rows.map((row, index) => questionOf(row, `${path}, row ${index + 1}`, String(index + 1)));
}

async function parseRows(bytes: Uint8Array, path: string): Promise<unknown[]> {
  // Only now: its build for Node needs what a browser does not have.
  const { CsvError, parse } = await import("csv-parse/sync");
  try {
    return parse(bytes, { columns: true, bom: true, skip_empty_lines: true });
  } catch (error) {
    // The parser's own message quotes the file.
    const place = error instanceof CsvError ? `, line ${error.lines}: ${error.code}` : "";
    throw new SstError("file-corrupt", `${path} is not valid CSV${place}`);
  }
}

function questionOf(row: unknown, place: string, number: string): GpqaQuestion {
  const result = v.safeParse(columns, row);
  if (!result.success) {
    const column = v.getDotPath(result.issues[0]) ?? "";
    throw new SstError("file-corrupt", `${place}: the column "${column}" is missing or empty`);
  }
  const { Question, "Correct Answer": correct, "Record ID": record } = result.output;
  const incorrect = ([1, 2, 3] as const).map((index) => result.output[`Incorrect Answer ${index}`]);
  return { id: record || number, question: Question, correct, incorrect };
}
