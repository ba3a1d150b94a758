/** `sst serve`: a model behind OpenAI's protocol, until it is told to end. */
import { Command, Option } from "commander";
import { collectDefaultMetrics } from "prom-client";
import { number, type PackingOptions, wholeNumber, withPackingOptions } from "../arguments.js";
import { openBackend } from "../backend.js";
import { modelDescription } from "../model-source.js";
import { isLoopback } from "../serve/access.js";
import { defaultLimits } from "../serve/limits.js";
import { loadServedModel } from "../serve/load-served-model.js";
import { ModelServer } from "../serve/server.js";

interface ServeCommandOptions extends PackingOptions {
  readonly backend?: string;
  readonly model: string;
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  readonly apiKey?: string;
  readonly iterations?: number;
  readonly streamOff?: boolean;
  readonly maxBody: number;
  readonly maxTokens: number;
  readonly maxIterations: number;
  readonly concurrency: number;
  readonly queue: number;
  readonly timeout: number;
  readonly clientTimeout: number;
  readonly grace: number;
}

export function serveCommand(): Command {
  const { bodyBytes, maxNewTokens, maxIterations, concurrency, queue } = defaultLimits;
  const { requestTimeoutMs, clientTimeoutMs, graceMs } = defaultLimits;
  const command = new Command("serve")
    .description("Serve a model with OpenAI's protocol: /v1/models, /v1/completions, /v1/chat/completions")
    .requiredOption("--model <model>", modelDescription)
    .option("--name <name>", "what clients call the model (default: as it is called here)")
    .option("--backend <name>", "device to run on: see `sst devices` (default: the best available)")
    .option("--host <address>", "address to listen at", "127.0.0.1")
    .option("--port <N>", "port to listen at, 0 for any that is free", wholeNumber(0), 8080)
    .addOption(new Option("--api-key <key>", "what clients have to send as their key").env("SST_API_KEY"))
    .option(
      "--iterations <N>",
      "iterations at every position where a request says nothing (default: 1)",
      wholeNumber(1),
    )
    .option("--stream-off", "run the plain backbone")
    .option("--max-body <bytes>", "largest body of a request", wholeNumber(1), bodyBytes)
    .option("--max-tokens <N>", "most new tokens of one completion", wholeNumber(1), maxNewTokens)
    .option("--max-iterations <N>", "most iterations that a request may ask for", wholeNumber(1), maxIterations)
    .option("--concurrency <N>", "generations at the same time, which share passes", wholeNumber(1), concurrency)
    .option("--queue <N>", "requests that may wait; others are told to come later", wholeNumber(0), queue)
    .option("--timeout <seconds>", "for a whole request, waiting included", number(0.001), requestTimeoutMs / 1000)
    .option("--client-timeout <seconds>", "for a client to send, and to read", number(0.001), clientTimeoutMs / 1000)
    .option("--grace <seconds>", "for what runs when the server is told to end", number(0), graceMs / 1000);
  return withPackingOptions(command).action(run);
}

async function run(options: ServeCommandOptions): Promise<void> {
  const { host, port, apiKey } = options;
  await openBackend(options.backend);
  const model = await loadServedModel(options.model, { ...options, modelId: options.name });
  try {
    const server = await ModelServer.listen(model, {
      host,
      port,
      ...(apiKey === undefined ? {} : { apiKey }),
      limits: limitsOf(options),
      log: note,
    });
    collectDefaultMetrics({ register: server.metrics.registry });
    if (apiKey === undefined && !isLoopback(host))
      note("anybody who reaches this address may use it: think of --api-key");
    note(`${model.completer.modelId} is served at ${server.address}/v1`);
    await untilSignal();
    note("ending: what runs is finished, all else refused; once more ends at once");
    await server.close();
  } finally {
    model.completer.dispose();
  }
}

function limitsOf(options: ServeCommandOptions) {
  return {
    bodyBytes: options.maxBody,
    maxNewTokens: options.maxTokens,
    maxIterations: options.maxIterations,
    concurrency: options.concurrency,
    queue: options.queue,
    requestTimeoutMs: options.timeout * 1000,
    clientTimeoutMs: options.clientTimeout * 1000,
    graceMs: options.grace * 1000,
  };
}

/** The second one gets its way at once. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (count++ > 0) process.exit(130);
        resolve();
      });
    }
  });
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
