/** Requests from their arrival until the last byte of their answer is on its way, and what ends them early. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.js";

/** Why a request ended that nobody waits for any more. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";

  constructor() {
    super("the client went away before its answer was whole");
  }
}

export class ActiveRequests {
  readonly #controllers = new Map<IncomingMessage, AbortController>();
  #whenIdle: (() => void)[] = [];

  constructor(private readonly timeoutMs: number) {}

  get count(): number {
    return this.#controllers.size;
  }

  begin(request: IncomingMessage, response: ServerResponse): void {
    const controller = new AbortController();
    this.#controllers.set(request, controller);
    const timer = setTimeout(() => controller.abort(timedOut(this.timeoutMs)), this.timeoutMs);
    response.on("close", () => {
      clearTimeout(timer);
      this.#controllers.delete(request);
      if (!response.writableFinished) controller.abort(new ClientGone());
      if (this.count > 0) return;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
  }

  /** Aborts when the client goes, when time is up, and when the server ends. */
  signalOf(request: IncomingMessage): AbortSignal {
    const controller = this.#controllers.get(request);
    return controller === undefined ? AbortSignal.abort(new ClientGone()) : controller.signal;
  }

  abortAll(reason: ApiError): void {
    for (const controller of this.#controllers.values()) controller.abort(reason);
  }

  /** Whether there was none left within the time. */
  async idleWithin(timeoutMs: number): Promise<boolean> {
    if (this.count === 0) return true;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#whenIdle.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}

function timedOut(timeoutMs: number): ApiError {
  const message = `the answer was not ready within ${timeoutMs / 1000} s: ask for less, or later`;
  return new ApiError(503, "service_unavailable_error", message, { code: "timeout", retryAfterSeconds: 5 });
}
