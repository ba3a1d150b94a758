/** `sst serve`: a model behind OpenAI's protocol. */
import type { AddressInfo } from "node:net";
import type { ChatTemplate, Tokenizer } from "@sst/loaders";
import { SstError } from "@sst/tensor";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isLoopback, requireKey, requireLoopbackName } from "./access.js";
import { ActiveRequests, ClientGone } from "./active-requests.js";
import { Answer } from "./answer.js";
import { shuttingDown, toApiError } from "./api-error.js";
import type { Completer } from "./completer.js";
import { chatDialect, completionDialect, type Dialect } from "./dialect.js";
import { EventStream } from "./event-stream.js";
import { createApp, refuseOtherMethods } from "./http-app.js";
import { defaultLimits, type ServerLimits } from "./limits.js";
import { ServerMetrics } from "./metrics.js";
import { type ParsedRequest, requireModel } from "./parsed-request.js";
import { Places } from "./places.js";
import { chatRequest, completionRequest } from "./requests.js";

export interface ServedModel {
  readonly completer: Completer;
  readonly tokenizer: Tokenizer;
  /** Undefined where the model has none: then it does not chat. */
  readonly template: ChatTemplate | undefined;
}

export interface ServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly apiKey?: string;
  readonly limits?: Partial<ServerLimits>;
  /** Failures of ours, a line each. Never what clients have written. */
  readonly log?: (line: string) => void;
}

export class ModelServer {
  readonly metrics: ServerMetrics;
  readonly #limits: ServerLimits;
  readonly #places: Places;
  readonly #requests: ActiveRequests;
  readonly #app: FastifyInstance;
  readonly #created = Math.floor(Date.now() / 1000);
  #isEnding = false;

  private constructor(
    private readonly model: ServedModel,
    private readonly options: ServerOptions,
  ) {
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#places = new Places(this.#limits);
    this.#requests = new ActiveRequests(this.#limits.requestTimeoutMs);
    this.metrics = new ServerMetrics(this.#places);
    this.#app = createApp(this.#limits, options.log ?? (() => {}));
    this.#watchRequests();
    this.#addRoutes();
  }

  /**
   * The model stays the caller's.
   *
   * @throws SstError `invalid-argument` for an address that cannot be served
   */
  static async listen(model: ServedModel, options: ServerOptions): Promise<ModelServer> {
    const server = new ModelServer(model, options);
    const { host, port } = options;
    try {
      await server.#app.listen({ host, port });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SstError("invalid-argument", `nothing can be served at ${host}, port ${port} (${reason})`, { cause });
    }
    return server;
  }

  get address(): string {
    const { address, family, port } = this.#app.server.address() as AddressInfo;
    return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  }

  /** Requests whose answer is not out yet, and connections. */
  async load(): Promise<{ requests: number; running: number; waiting: number; connections: number }> {
    const connections = await new Promise<number>((resolve, reject) =>
      this.#app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
    const { running, waiting } = this.#places;
    return { requests: this.#requests.count, running, waiting, connections };
  }

  /**
   * Ends in order. From now on requests are refused with 503, those that wait too; what runs has the grace period to come to
   * its end, and is then ended with an error. Until then the server still listens, so that nobody finds a closed door.
   */
  async close(): Promise<void> {
    this.#isEnding = true;
    this.#places.refuseWaiting(shuttingDown());
    const { graceMs, clientTimeoutMs } = this.#limits;
    if (!(await this.#requests.idleWithin(graceMs))) {
      this.#requests.abortAll(shuttingDown());
      await this.#requests.idleWithin(clientTimeoutMs);
    }
    const closed = this.#app.close();
    this.#app.server.closeAllConnections();
    await closed;
  }

  #watchRequests(): void {
    const { apiKey, host } = this.options;
    this.#app.addHook("onRequest", async (request, reply) => {
      const startedAt = performance.now();
      const route = request.routeOptions.url ?? "unknown";
      this.#requests.begin(request.raw, reply.raw);
      reply.raw.on("close", () => {
        const status = reply.raw.writableFinished ? reply.raw.statusCode : 499;
        this.metrics.answered(route, status, performance.now() - startedAt);
      });
      if (apiKey === undefined && isLoopback(host)) requireLoopbackName(request.headers);
      if (apiKey !== undefined && route !== "/health") requireKey(request.headers, apiKey);
      if (!this.#isEnding) return;
      reply.header("connection", "close");
      if (route !== "/metrics") throw shuttingDown();
    });
  }

  #addRoutes(): void {
    const app = this.#app;
    const { completer, tokenizer, template } = this.model;
    const described = { id: completer.modelId, object: "model", created: this.#created, owned_by: "sst" };
    app.get("/health", async () => ({ status: "ok" }));
    app.get("/metrics", async (_request, reply) => {
      reply.type(this.metrics.registry.contentType);
      return await this.metrics.registry.metrics();
    });
    app.get("/v1/models", async () => ({ object: "list", data: [described] }));
    // Names on the hub have a slash in them.
    app.get<{ Params: { "*": string } }>("/v1/models/*", async (request) => {
      requireModel(request.params["*"], completer);
      return described;
    });
    app.post("/v1/completions", (request, reply) =>
      this.#answer(request, reply, completionDialect, () =>
        completionRequest(request.body, { completer, tokenizer, limits: this.#limits }),
      ),
    );
    app.post("/v1/chat/completions", (request, reply) =>
      this.#answer(request, reply, chatDialect, () =>
        chatRequest(request.body, { completer, tokenizer, template, limits: this.#limits }),
      ),
    );
    for (const url of ["/health", "/metrics", "/v1/models", "/v1/models/*"])
      refuseOtherMethods(app, url, ["GET", "HEAD"]);
    for (const url of ["/v1/completions", "/v1/chat/completions"]) refuseOtherMethods(app, url, ["POST"]);
  }

  async #answer(request: FastifyRequest, reply: FastifyReply, dialect: Dialect, parse: () => ParsedRequest) {
    // Its body may have been on the way when the end began.
    if (this.#isEnding) throw shuttingDown();
    const parsed = parse();
    const signal = this.#requests.signalOf(request.raw);
    const answer = new Answer(parsed, dialect, { ...this.model, metrics: this.metrics }, signal);
    const stream = new EventStream(reply.raw, this.#limits.clientTimeoutMs, () => reply.hijack());
    try {
      if (!parsed.stream) return await this.#places.run(signal, () => answer.whole());
      await this.#places.run(signal, () => answer.streamed(stream));
    } catch (error) {
      const reason = signal.aborted ? signal.reason : error;
      if (reason instanceof ClientGone) reply.hijack();
      else if (stream.hasBegun) await this.#endWithError(stream, reason);
      else throw reason;
    }
    return reply;
  }

  /** The status is out already: what went wrong is told as an event. */
  async #endWithError(stream: EventStream, error: unknown): Promise<void> {
    const known = toApiError(error);
    if (known.status === 500)
      this.options.log?.(error instanceof Error ? (error.stack ?? error.message) : String(error));
    await stream.send(known.body);
    stream.end();
  }
}
