/** What `--model` stands for: a folder, an address on the web, or a model on the hub. */

import type { ModelConfig } from "@sst/layers";
import { type FileSource, loadTokenizer, requireMatchingTokenizer, type Tokenizer, toSource } from "@sst/loaders";
import { downloadProgress } from "./progress.js";

/** For the help of an option. */
export const modelDescription = "a model's folder, its address (https://…), or its name on the hub (owner/name)";

/** Downloads from the hub tell on standard error how far they have come. */
export async function openSource(model: string): Promise<FileSource> {
  return await toSource(model, { onProgress: downloadProgress() });
}

/** The tokenizer beside a model. @throws SstError `unknown-token` where it is another model's */
export async function loadMatchingTokenizer(from: string | FileSource, config: ModelConfig): Promise<Tokenizer> {
  return requireMatchingTokenizer(await loadTokenizer(from), config, typeof from === "string" ? from : from.location);
}
