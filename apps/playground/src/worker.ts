/** Runs the models away from the page, so that it stays responsive: WebGPU where there is a GPU, else WebAssembly. */
import "@sst/backend-cpu";
import { createWebgpuBackend } from "@sst/backend-webgpu";
import { labelPositions } from "@sst/infer";
import type { DecoderModel } from "@sst/layers";
import { createTask, loadModel, loadVocabulary, type SymbolVocabulary, type Task } from "@sst/loaders";
import { ready, registerBackend } from "@sst/tensor";
import type { LoadRequest, Request, Response, RunRequest } from "./protocol.js";

interface Loaded {
  readonly stream: DecoderModel;
  readonly plain: DecoderModel;
  readonly vocabulary: SymbolVocabulary;
  readonly task: Task;
}

let loaded: Loaded | undefined;

self.addEventListener("message", async ({ data }: MessageEvent<Request>) => {
  try {
    self.postMessage(data.kind === "load" ? await load(data) : await run(data));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    self.postMessage({ kind: "failed", message } satisfies Response);
  }
});

async function load({ baseUrl, backend }: LoadRequest): Promise<Response> {
  // Who asks for WebGPU by name gets it in software too; nobody gets that unasked, for it is slower than the CPU.
  if (backend === "webgpu") {
    registerBackend(createWebgpuBackend({ softwareAdapter: true }), { replace: true });
  }
  const device = await ready(backend === undefined ? {} : { backend });
  const vocabulary = await loadVocabulary(`${baseUrl}/stream`);
  if (vocabulary === undefined) throw new Error(`${baseUrl}/stream holds no vocab.json`);
  loaded = {
    stream: await loadModel(`${baseUrl}/stream`),
    plain: await loadModel(`${baseUrl}/baseline`),
    vocabulary,
    task: createTask(vocabulary.task).on(vocabulary),
  };
  const name = `${device.backend} (${device.live.capabilities.description})`;
  return { kind: "loaded", device: name, task: vocabulary.task, symbols: vocabulary.symbols };
}

async function run({ text, iterations }: RunRequest): Promise<Response> {
  if (loaded === undefined) throw new Error("the models are not loaded yet");
  const { stream, plain, vocabulary, task } = loaded;
  const startedAt = performance.now();
  const symbols = vocabulary.encode(text);
  const rows = [[vocabulary.startToken, ...symbols]];
  const names = (tokens: readonly number[]) => tokens.map((token) => vocabulary.decode(token));
  const answers = {
    symbols: names(symbols),
    expected: names(task.answers(symbols)),
    stream: names((await labelPositions(stream, rows, { iterations }))[0]?.slice(1) ?? []),
    plain: names((await labelPositions(plain, rows))[0]?.slice(1) ?? []),
  };
  return { kind: "answers", answers, milliseconds: performance.now() - startedAt };
}
