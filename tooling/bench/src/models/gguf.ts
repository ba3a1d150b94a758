/** GGUF files for llama.cpp's bindings, which load no model without a tokenizer: the benchmarks' models get one of names. */
import { writeFile } from "node:fs/promises";
import type { ModelData } from "@sst/layers";
import { placeholderTokenizer } from "@sst/llama-cpp";
import { dataSource, type GgufFormat, ggufParts } from "@sst/loaders";

/** Part by part: models in f32 are too large to be put together in memory first. */
export async function writeGguf(path: string, data: ModelData, format: GgufFormat): Promise<void> {
  const tokenizer = await placeholderTokenizer(data.config.vocabSize);
  await writeFile(path, ggufParts(dataSource(data), { format, tokenizer }));
}
