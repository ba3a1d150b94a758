/** A model that completes texts, with what stands beside it in its folder. */
import { loadChatTemplate, loadModel, loadVocabulary } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import { type PackingOptions, packingOf } from "../arguments.js";
import { loadMatchingTokenizer, loadProbe, openSource } from "../model-source.js";
import type { ServedModel } from "./server.js";
import { SessionCompleter } from "./session-completer.js";

export interface LoadOptions extends PackingOptions {
  readonly modelId?: string | undefined;
  /** At every position, where a request says nothing. */
  readonly iterations?: number | undefined;
  readonly streamOff?: boolean | undefined;
}

/**
 * The caller disposes of the completer.
 *
 * @throws SstError `contradiction` for a model that labels symbols, and what loading throws
 */
export async function loadServedModel(model: string, options: LoadOptions): Promise<ServedModel> {
  const { iterations, streamOff } = options;
  const source = await openSource(model);
  if ((await loadVocabulary(source)) !== undefined) {
    throw new SstError(
      "contradiction",
      `${model} labels the symbols of a task and continues no texts: see sst generate`,
    );
  }
  const template = await loadChatTemplate(source);
  const decoder = await loadModel(source, packingOf(options));
  try {
    const tokenizer = await loadMatchingTokenizer(source, decoder.config);
    const completer = new SessionCompleter(decoder, tokenizer, {
      modelId: options.modelId ?? nameOf(model),
      probe: await loadProbe(source, decoder.config),
      ...(iterations === undefined ? {} : { iterations }),
      ...(streamOff === undefined ? {} : { streamOff }),
    });
    return { completer, tokenizer, template };
  } catch (error) {
    decoder.dispose();
    throw error;
  }
}

/** A name on the hub as it is; of a folder or an address the last part. */
function nameOf(model: string): string {
  if (/^[\w.-]+\/[\w.-]+(@[\w.-]+)?$/.test(model) && !model.startsWith(".")) return model;
  return (
    model
      .replace(/[/\\]+$/, "")
      .split(/[/\\]/)
      .at(-1) || model
  );
}
