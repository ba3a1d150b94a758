/** JSON files against a schema. */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { duplicateKey } from "./duplicate-keys.js";

/** @throws SstError `file-corrupt` naming the file, the field and what is wrong with it */
export function parseJson<Schema extends v.GenericSchema>(
  bytes: Uint8Array,
  schema: Schema,
  fileName: string,
): v.InferOutput<Schema> {
  return requireFields(parseText(bytes, fileName), schema, fileName);
}

/** @throws SstError `file-corrupt` naming the file, the field and what is wrong with it */
export function requireFields<Schema extends v.GenericSchema>(
  value: unknown,
  schema: Schema,
  fileName: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0] as v.BaseIssue<unknown>;
  throw new SstError("file-corrupt", `${fileName}: field "${v.getDotPath(issue) ?? ""}": ${issue.message}`);
}

/** JSON whose objects have no key twice. @throws SstError `file-corrupt` */
export function parseText(bytes: Uint8Array, fileName: string): unknown {
  const text = decode(bytes, fileName);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SstError("file-corrupt", `${fileName} is not valid JSON: get it again, whole`, { cause });
  }
  const twice = duplicateKey(text);
  if (twice === undefined) return value;
  throw new SstError(
    "file-corrupt",
    `${fileName} has the key "${twice}" twice in one object: which one is right? Get the file from where it was made`,
  );
}

function decode(bytes: Uint8Array, fileName: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SstError("file-corrupt", `${fileName} is not valid JSON: it is no UTF-8 text; get it again, whole`, {
      cause,
    });
  }
}

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
