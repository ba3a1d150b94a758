/** A trace that is kept: `trace.jsonl` and `states.f32` in a new folder. */
import { createWriteStream } from "node:fs";
import { access, constants, mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Writable } from "node:stream";
import { type TraceHeader, TraceWriter } from "@sst/infer";
import { SstError } from "@sst/tensor";

/** Before anything long begins. @throws SstError `output-exists`, `output-not-writable` */
export async function requireFreeFolder(folder: string): Promise<void> {
  await access(dirname(resolve(folder)), constants.W_OK).catch((cause: Error) => refuse(folder, cause));
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  if (isThere) throw new SstError("output-exists", `${folder} exists already: choose another --trace`);
}

/** Makes the folder. @throws SstError `output-not-writable` */
export async function beginTrace(folder: string, header: TraceHeader): Promise<TraceWriter> {
  await mkdir(folder).catch((cause: Error) => refuse(folder, cause));
  const stream = (name: string) => Writable.toWeb(createWriteStream(join(folder, name))) as WritableStream<Uint8Array>;
  return TraceWriter.begin({ figures: stream("trace.jsonl"), states: stream("states.f32") }, header);
}

function refuse(folder: string, cause: Error): never {
  throw new SstError("output-not-writable", `--trace ${folder} cannot be made: ${cause.message}`, { cause });
}
