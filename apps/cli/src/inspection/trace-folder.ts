/** A trace that is kept: `trace.jsonl` and `states.f32` in a new folder. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type TraceHeader, TraceWriter } from "@sst/infer";
import { SstError } from "@sst/tensor";

/** @throws SstError `output-exists`, `output-not-writable` */
export async function beginTrace(folder: string, header: TraceHeader): Promise<TraceWriter> {
  await mkdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "EEXIST") throw new SstError("output-exists", `${folder} exists already: choose another --trace`);
    throw new SstError("output-not-writable", `--trace ${folder} cannot be made: ${cause.message}`, { cause });
  });
  const stream = (name: string) => Writable.toWeb(createWriteStream(join(folder, name))) as WritableStream<Uint8Array>;
  return TraceWriter.begin({ figures: stream("trace.jsonl"), states: stream("states.f32") }, header);
}
