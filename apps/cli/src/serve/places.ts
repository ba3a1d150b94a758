/** Who may generate: so many at a time, so many more that wait in the order in which they came. */
import { ApiError } from "./api-error.js";

export interface PlacesOptions {
  readonly concurrency: number;
  readonly queue: number;
}

interface Waiting {
  readonly admit: () => void;
  readonly refuse: (reason: unknown) => void;
}

export class Places {
  #running = 0;
  readonly #waiting = new Set<Waiting>();
  /** Smoothed, for what is said to those who come later. */
  #meanMs = 1000;

  constructor(private readonly options: PlacesOptions) {}

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs the work once there is a place for it.
   *
   * @throws ApiError 429 where the queue is full; the signal's reason where it aborts while waiting
   */
  async run<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    await this.#enter(signal);
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      this.#meanMs += (performance.now() - startedAt - this.#meanMs) / 8;
      this.#leave();
    }
  }

  /** Those who wait are refused. */
  refuseWaiting(reason: unknown): void {
    for (const waiting of [...this.#waiting]) waiting.refuse(reason);
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.options.concurrency) {
      this.#running++;
      return;
    }
    if (this.#waiting.size >= this.options.queue) throw this.#isFull();
    await new Promise<void>((resolve, reject) => {
      const settle = (then: () => void) => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", abort);
        then();
      };
      const waiting: Waiting = { admit: () => settle(resolve), refuse: (reason) => settle(() => reject(reason)) };
      const abort = () => waiting.refuse(signal.reason);
      signal.addEventListener("abort", abort);
      this.#waiting.add(waiting);
    });
  }

  /** The place goes to the one who waits longest, without being free in between. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running--;
    else next.admit();
  }

  #isFull(): ApiError {
    const { concurrency, queue } = this.options;
    const untilFreeSeconds = ((queue + 1) / concurrency) * (this.#meanMs / 1000);
    return new ApiError(
      429,
      "rate_limit_error",
      `the server is busy: ${this.#running} requests run and ${this.#waiting.size} wait; try again later`,
      { code: "queue_full", retryAfterSeconds: Math.min(60, Math.max(1, Math.ceil(untilFreeSeconds))) },
    );
  }
}
