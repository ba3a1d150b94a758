/** `sst convert`: a model from one format into another, with adapters merged and weights rounded where asked for. */
import { withMergedAdapters } from "@sst/layers";
import {
  type FileSource,
  type GgufFormat,
  loadVocabulary,
  readModelData,
  requireWritable,
  saveGguf,
  saveModelData,
  type Tokenizer,
} from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { Command, Option } from "commander";
import { loadMatchingTokenizer, modelDescription, openSource } from "../model-source.js";

/** What matrices may be rounded to, by format. */
const types = {
  huggingface: ["float32", "bfloat16", "float16"],
  gguf: ["f32", "f16", "bf16", "q8_0", "q4_0"],
} as const satisfies { readonly huggingface: readonly string[]; readonly gguf: readonly GgufFormat[] };

interface ConvertOptions {
  readonly model: string;
  readonly to: keyof typeof types;
  readonly type?: string;
  readonly merge?: boolean;
  readonly out: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function convertCommand(): Command {
  return new Command("convert")
    .description("Write a model in another format: a Hugging Face folder, or a folder with a GGUF file")
    .requiredOption("--model <where>", modelDescription)
    .addOption(new Option("--to <format>", "what to write").choices(Object.keys(types)).makeOptionMandatory())
    .option(
      "--type <type>",
      `what matrices are rounded to: ${types.huggingface.join(", ")}; gguf: ${types.gguf.join(", ")}`,
    )
    .option("--merge", "take adapters into the weights that they adapt")
    .requiredOption("--out <folder>", "where it is written")
    .option("--overwrite", "replace what is at --out")
    .option("--json", "print the result as JSON")
    .action(run);
}

async function run({ model, to, type, merge, out, overwrite = false, json }: ConvertOptions): Promise<void> {
  const chosen = chosenType(to, type);
  await requireWritable(out, { overwrite });
  const source = await openSource(model);
  const notices: string[] = [];
  const read = await readModelData(source, { onNotice: (words) => notices.push(words) });
  for (const words of notices) process.stderr.write(`${words}\n`);
  if (read.adapter && to === "gguf" && !merge) {
    throw new SstError("contradiction", "the model has adapters, for which a GGUF file has no place: add --merge");
  }
  const data = merge ? withMergedAdapters(read) : read;
  const vocabulary = await loadVocabulary(source);
  const tokenizer = vocabulary ? undefined : await tokenizerOf(source, data.config);
  if (to === "gguf") {
    if (vocabulary) throw new SstError("file-unsupported", "a GGUF file has no place for symbols of state tracking");
    await saveGguf(out, data, { format: chosen as GgufFormat, overwrite, ...(tokenizer && { tokenizer }) });
  } else {
    const beside = { ...(tokenizer && { tokenizer }), ...(vocabulary && { vocabulary }) };
    await saveModelData(out, data, { dtype: chosen as (typeof types.huggingface)[number], overwrite, ...beside });
  }
  const result = { out, to, type: chosen, modelType: data.config.modelType, tokenizer: tokenizer !== undefined };
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `Saved: ${out} (${to}, ${chosen})\n`);
}

function chosenType(to: ConvertOptions["to"], type: string | undefined): string {
  const known: readonly string[] = types[to];
  if (type === undefined) return known[0] as string;
  if (known.includes(type)) return type;
  throw new SstError("invalid-argument", `--type "${type}" is none of ${to}'s: there are ${known.join(", ")}`);
}

/** A model without a tokenizer is one all the same. */
async function tokenizerOf(
  source: FileSource,
  config: Parameters<typeof loadMatchingTokenizer>[1],
): Promise<Tokenizer | undefined> {
  try {
    return await loadMatchingTokenizer(source, config);
  } catch (error) {
    if (error instanceof SstError && error.code === "file-not-found") return undefined;
    throw error;
  }
}
