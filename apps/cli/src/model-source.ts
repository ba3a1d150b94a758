/** What `--model` stands for: a folder, an address on the web, or a model on the hub. */
import { stat } from "node:fs/promises";
import type { ModelConfig, Probe } from "@sst/layers";
import {
  type FileSource,
  loadTokenizer,
  type NotedFile,
  noteFiles,
  readProbe,
  requireMatchingTokenizer,
  type Tokenizer,
  toSource,
} from "@sst/loaders";
import { downloadProgress } from "./progress.js";

/** For the help of an option. */
export const modelDescription = "a model's folder, its address (https://…), or its name on the hub (owner/name)";

/** Downloads from the hub tell on standard error how far they have come. */
export async function openSource(model: string): Promise<FileSource> {
  return await toSource(model, { onProgress: downloadProgress() });
}

/** What of a model has to be as it was when a run goes on: a folder's files; elsewhere its commit, or its address. */
export async function noteModel(
  source: FileSource,
): Promise<{ readonly files: NotedFile[]; readonly configuration: Readonly<Record<string, string>> }> {
  const isFolder = (await stat(source.location).catch(() => undefined))?.isDirectory() === true;
  if (isFolder) return { files: await noteFiles(source.location), configuration: {} };
  return { files: [], configuration: { model: source.version ?? source.location } };
}

/** The tokenizer beside a model. @throws SstError `unknown-token` where it is another model's */
export async function loadMatchingTokenizer(from: string | FileSource, config: ModelConfig): Promise<Tokenizer> {
  return requireMatchingTokenizer(await loadTokenizer(from), config, typeof from === "string" ? from : from.location);
}

/** The probe beside a model, as `sst probe train` leaves it there; undefined where there is none. */
export async function loadProbe(source: FileSource, config: ModelConfig): Promise<Probe | undefined> {
  return (await source.has("probe.json")) ? (await readProbe(source, config)).probe : undefined;
}
