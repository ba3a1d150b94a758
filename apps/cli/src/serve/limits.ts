/** What one server takes on, and how long it waits. */

export interface ServerLimits {
  readonly bodyBytes: number;
  /** New tokens of one completion. */
  readonly maxNewTokens: number;
  readonly maxIterations: number;
  /** Completions that one request may ask for: prompts times `n`. */
  readonly maxChoices: number;
  /** Generations at the same time: they share passes through the model, and take turns where they are more than share one. */
  readonly concurrency: number;
  /** Requests that wait for a place. */
  readonly queue: number;
  /** From a request's arrival to its answer's end. */
  readonly requestTimeoutMs: number;
  /** Until a client has sent all headers, or the whole body, and has read what was sent to it. */
  readonly clientTimeoutMs: number;
  /** For what runs when the server is told to end. */
  readonly graceMs: number;
}

export const defaultLimits: ServerLimits = {
  bodyBytes: 1024 * 1024,
  maxNewTokens: 4096,
  maxIterations: 16,
  maxChoices: 16,
  concurrency: 8,
  queue: 64,
  requestTimeoutMs: 600_000,
  clientTimeoutMs: 30_000,
  graceMs: 30_000,
};
