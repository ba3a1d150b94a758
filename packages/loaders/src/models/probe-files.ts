/**
 * A probe beside its model: `probe.safetensors` with its arrays, and `probe.json` with what it was trained on and how good it
 * is. Writing is Node only.
 */
import { type ModelConfig, Probe } from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import type { FileSource } from "../files/file-source.js";
import { jsonBytes, parseJson } from "../files/json.js";
import type { OutputOptions } from "../files/output-folder.js";
import { toSource } from "../files/to-source.js";
import { readSafetensors } from "../formats/safetensors.js";
import { writeSafetensors } from "../formats/safetensors-write.js";

const arraysFile = "probe.safetensors";
const reportFile = "probe.json";

const reportSchema = v.looseObject({ format_version: v.literal(1) });

/** What was found about a probe, as JSON. */
export type ProbeReport = Readonly<Record<string, unknown>>;

/**
 * @throws SstError `file-not-found` where the folder holds no probe; `file-corrupt`; `shape-mismatch` for a probe of another
 * model; `not-finite`
 */
export async function readProbe(
  from: string | FileSource,
  config: ModelConfig,
): Promise<{ readonly probe: Probe; readonly report: ProbeReport }> {
  const source = await toSource(from);
  const report = parseJson(await source.read(reportFile), reportSchema, reportFile);
  const arrays = readSafetensors(await source.read(arraysFile), arraysFile);
  const array = (name: string) => {
    const found = arrays[`probe.${name}`]?.data;
    if (found === undefined) throw new SstError("file-corrupt", `${arraysFile} lacks the tensor "probe.${name}"`);
    if (found.every(Number.isFinite)) return found;
    throw new SstError("not-finite", `${arraysFile}: the tensor "probe.${name}" is not finite; the file is damaged`);
  };
  const [bias = 0] = array("bias");
  const probe = new Probe({ mean: array("mean"), scale: array("scale"), weights: array("weights"), bias });
  probe.requireFor(config);
  return { probe, report };
}

/** @throws SstError `output-exists` without leave to overwrite, `output-not-writable`; nothing is written half */
export async function writeProbe(
  folder: string,
  { data }: Probe,
  report: ProbeReport,
  { overwrite = false }: OutputOptions = {},
): Promise<void> {
  const { rename, rm, stat, writeFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const files = probeFiles(data, report);
  for (const name of Object.keys(files)) {
    if (overwrite || (await stat(join(folder, name)).catch(() => undefined)) === undefined) continue;
    throw new SstError("output-exists", `${join(folder, name)} exists already: replace it with --overwrite`);
  }
  const temporary = (name: string) => join(folder, `.${name}.partial`);
  try {
    for (const [name, bytes] of Object.entries(files)) await writeFile(temporary(name), bytes, { flush: true });
    for (const name of Object.keys(files)) await rename(temporary(name), join(folder, name));
  } catch (cause) {
    for (const name of Object.keys(files)) await rm(temporary(name), { force: true });
    throw new SstError("output-not-writable", `${folder} cannot be written (${(cause as Error).message})`, { cause });
  }
}

function probeFiles(data: Probe["data"], report: ProbeReport): Record<string, Uint8Array> {
  const size = data.weights.length;
  const arrays = writeSafetensors({
    "probe.mean": { shape: [size], data: data.mean },
    "probe.scale": { shape: [size], data: data.scale },
    "probe.weights": { shape: [size], data: data.weights },
    "probe.bias": { shape: [1], data: Float32Array.of(data.bias) },
  });
  return { [arraysFile]: arrays, [reportFile]: jsonBytes({ format_version: 1, ...report }) };
}
