/**
 * An evaluation as a file: a line of JSON that says what was evaluated, then one for every completion. It grows as the
 * evaluation goes on, and a later run goes on from it. A line that a kill has cut short is taken away and made again. Node
 * only.
 */
import { SstError } from "@sst/tensor";
import * as v from "valibot";

const settings = v.record(v.string(), v.union([v.string(), v.number()]));

const headerSchema = v.object({
  format: v.literal("sst-evaluation"),
  version: v.literal(1),
  /** Says which weights these were, and how they were run. */
  model: v.string(),
  benchmark: v.string(),
  settings,
});

export type ResultsHeader = Omit<v.InferOutput<typeof headerSchema>, "format" | "version">;

const recordSchema = v.object({
  /** The policy's name, such as `depth 2`. */
  row: v.string(),
  question: v.string(),
  prompt: v.string(),
  completion: v.string(),
  answer: v.nullable(v.string()),
  correct: v.boolean(),
  detail: v.optional(v.string()),
  promptTokens: v.number(),
  /** By generated token. */
  iterations: v.array(v.number()),
  flops: v.number(),
});

export type ResultRecord = v.InferOutput<typeof recordSchema>;

export interface ResultsFile {
  /** What was there already. */
  readonly records: readonly ResultRecord[];
  append(record: ResultRecord): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param resume goes on with a file that exists; otherwise that is refused
 * @throws SstError `output-exists`, `output-not-writable`; `file-corrupt` with the line; `contradiction` for a file of
 * another model, benchmark or other settings, naming what differs
 */
export async function openResults(path: string, header: ResultsHeader, resume: boolean): Promise<ResultsFile> {
  const { open } = await import("node:fs/promises");
  const existing = await readWhole(path);
  if (existing !== undefined && !resume) {
    throw new SstError("output-exists", `${path} exists already: go on with it (resume), or choose another file`);
  }
  const whole = wholeLines(existing ?? "");
  const [first, ...rest] = whole.split("\n").filter((line) => line !== "");
  if (first !== undefined) requireSame(parseLine(first, headerSchema, `${path}, line 1`), header, path);
  const records = rest.map((line, index) => parseLine(line, recordSchema, `${path}, line ${index + 2}`));
  const notWritable = (cause: Error) => {
    throw new SstError("output-not-writable", `${path} cannot be written (${cause.message})`, { cause });
  };
  const file = await open(path, existing === undefined ? "ax" : "r+").catch(notWritable);
  // What was cut short goes; the line is written again when its question is asked again.
  let end = Buffer.byteLength(whole);
  await file.truncate(end).catch(notWritable);
  const write = async (value: object) => {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    await file.write(line, 0, line.length, end).catch(notWritable);
    end += line.length;
  };
  if (first === undefined) await write({ format: "sst-evaluation", version: 1, ...header });
  return {
    records,
    append: write,
    close: async () => {
      await file.sync().catch(notWritable);
      await file.close();
    },
  };
}

async function readWhole(path: string): Promise<string | undefined> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new SstError("output-not-writable", `${path} cannot be read (${(cause as Error).message})`, { cause });
  }
}

/** Up to and with the last line break. */
function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf("\n") + 1);
}

function parseLine<Schema extends v.GenericSchema>(line: string, schema: Schema, place: string): v.InferOutput<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new SstError("file-corrupt", `${place}: not valid JSON; the file was not written by an evaluation`, {
      cause,
    });
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0] as v.BaseIssue<unknown>;
  throw new SstError(
    "file-corrupt",
    `${place}: field "${v.getDotPath(issue) ?? ""}" is not as an evaluation writes it`,
  );
}

function requireSame(found: ResultsHeader, wanted: ResultsHeader, path: string): void {
  const flat = ({ model, benchmark, settings }: ResultsHeader) => ({ model, benchmark, ...settings });
  const [there, here] = [flat(found), flat(wanted)] as [Record<string, unknown>, Record<string, unknown>];
  const name = [...new Set([...Object.keys(there), ...Object.keys(here)])].find((key) => there[key] !== here[key]);
  if (name === undefined) return;
  throw new SstError(
    "contradiction",
    `${path} holds another evaluation: its ${name} is ${there[name] ?? "not set"}, here it is ${here[name] ?? "not set"}; ` +
      "choose another file",
  );
}
