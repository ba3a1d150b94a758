/** A model that answers by a script, so that a test decides when which token comes. */
import type { Tokenizer } from "@sst/loaders";
import type {
  Abilities,
  ChoiceEvent,
  Completer,
  CompletionRequest,
  GenerationEvent,
} from "../../src/serve/completer.js";
import { ModelServer, type ServedModel, type ServerOptions } from "../../src/serve/server.js";

/** One token a byte. */
export const byteTokenizer: Tokenizer = {
  vocabSize: 256,
  encode: (text) => [...Buffer.from(text)],
  decode: (tokens) => Buffer.from(tokens).toString(),
  streamDecoder: () => {
    const decoder = new TextDecoder();
    return { push: (token) => decoder.decode(Uint8Array.of(token), { stream: true }), end: () => decoder.decode() };
  },
  files: () => ({}),
};

export interface Script {
  /** Before each token. */
  readonly beforeToken?: (index: number, request: CompletionRequest) => Promise<void> | void;
  readonly textOf?: (index: number) => string;
  readonly abilities?: Abilities;
  readonly contextLength?: number;
  readonly modelId?: string;
}

export class PlantedCompleter implements Completer {
  readonly modelId: string;
  readonly contextLength: number;
  readonly abilities: Abilities;
  /** Generations at work, and all that there were. */
  running = 0;
  started = 0;
  mostAtOnce = 0;
  tokens = 0;
  readonly requests: CompletionRequest[] = [];

  constructor(private readonly script: Script = {}) {
    this.modelId = script.modelId ?? "planted";
    this.contextLength = script.contextLength ?? 100_000;
    this.abilities = script.abilities ?? { logProbabilities: true, policies: ["fixed", "until-decided"] };
  }

  async *complete(requests: readonly CompletionRequest[]): AsyncGenerator<ChoiceEvent, void, void> {
    for (const [choice, request] of requests.entries()) {
      for await (const event of this.#continue(request)) yield { ...event, choice };
    }
  }

  async *#continue(request: CompletionRequest): AsyncGenerator<GenerationEvent, void, void> {
    const { prompt, maxNewTokens, signal, deliberation } = request;
    const iterations = deliberation?.policy === "fixed" ? deliberation.iterations : 1;
    this.requests.push(request);
    this.started++;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    let newTokens = 0;
    try {
      while (newTokens < maxNewTokens && !signal.aborted) {
        await this.script.beforeToken?.(newTokens, request);
        if (signal.aborted) break;
        const text = this.script.textOf?.(newTokens) ?? `${newTokens} `;
        const token = text.charCodeAt(0) % 256;
        yield { event: "iteration-end", position: prompt.length + newTokens, iteration: iterations };
        yield { event: "token-delta", index: newTokens++, token, text, iterations, ...this.#logProbabilities(request) };
        this.tokens++;
      }
      const reason = newTokens === maxNewTokens ? "length" : "aborted";
      const figures = { promptTokens: prompt.length, newTokens, iterations: newTokens * iterations, durationMs: 1 };
      yield { event: "generation-end", reason, text: "", figures };
    } finally {
      this.running--;
    }
  }

  dispose(): void {}

  #logProbabilities({ topLogProbabilities }: CompletionRequest) {
    if (topLogProbabilities === undefined) return {};
    const top = [
      { token: 65, logProbability: -0.5 },
      { token: 66, logProbability: -1.5 },
    ];
    return { logProbability: -0.5, topLogProbabilities: top.slice(0, topLogProbabilities) };
  }
}

export interface Planted extends AsyncDisposable {
  readonly completer: PlantedCompleter;
  readonly server: ModelServer;
  readonly base: string;
  /** What the server has logged: it is to be empty but where a test makes it fail. */
  readonly log: string[];
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
}

/** One generation at a time, unless the limits say otherwise. */
export async function plant(
  script: Script = {},
  options: Partial<ServerOptions> = {},
  template?: ServedModel["template"],
): Promise<Planted> {
  const completer = new PlantedCompleter(script);
  const log: string[] = [];
  const server = await ModelServer.listen(
    { completer, tokenizer: byteTokenizer, template },
    {
      host: "127.0.0.1",
      port: 0,
      log: (line) => log.push(line),
      ...options,
      limits: { concurrency: 1, ...options.limits },
    },
  );
  const base = server.address;
  return {
    completer,
    server,
    base,
    log,
    post: (path, body, init = {}) =>
      fetch(base + path, {
        method: "POST",
        ...init,
        headers: { "content-type": "application/json", ...init.headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Whatever it takes: a test must not depend on how long. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A door that stays closed until it is opened. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

export const errorOf = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as {
    error: { message: string; type: string; param: string | null; code: string | null };
  }),
});
