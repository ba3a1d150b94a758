/**
 * Requests that do not wait for ever: a server that is busy, breaks off or hangs is asked again a bounded number of times,
 * and then named. What is sent beside a request (a token) goes to whom the caller says, and is in no message.
 */
import { SstError } from "@sst/tensor";
import { runsInNode } from "./runtime.js";

export interface HttpOptions {
  /** Ends what is on its way; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** How long a server may say nothing; defaults to 30 seconds. */
  readonly timeoutMs?: number | undefined;
  /** How often a request is made again that fails for a reason that may pass; defaults to 4. */
  readonly retries?: number | undefined;
  /** The pause before the first repetition, each following one is twice as long; defaults to 1 second. */
  readonly retryDelayMs?: number | undefined;
}

/** Waiting longer than this is left to the user, even where a server asks for it. */
const LONGEST_PAUSE_MS = 120_000;

/** Progress that is worth as many attempts again. */
const PROGRESS_BYTES = 2 ** 20;

const passing = [408, 429, 500, 502, 503, 504];

/** Of an attempt: the next one may succeed. */
export class Interrupted extends Error {
  constructor(
    message: string,
    readonly details: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
  }
}

/** A response whose body is still to be read, or given up with `cancel`. */
export interface HttpBody {
  readonly status: number;
  readonly headers: Headers;
  /** @throws Interrupted where the body breaks off or nothing comes any more */
  chunks(): AsyncGenerator<Uint8Array, void>;
  cancel(): Promise<void>;
}

export class HttpClient {
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #retryDelayMs: number;

  /** @param headersFor what to send beside a request to an address; a redirect to another host does not carry it on */
  constructor(
    private readonly options: HttpOptions = {},
    private readonly headersFor: (url: string) => Record<string, string> = () => ({}),
  ) {
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#retries = options.retries ?? 4;
    this.#retryDelayMs = options.retryDelayMs ?? 1000;
  }

  /**
   * Runs an action until it is not interrupted.
   *
   * @param come bytes that have come so far: after progress the attempts are counted anew
   * @throws SstError `download-failed` naming the address and what happened last, and what else the action throws
   */
  async retrying<Result>(url: string, action: () => Promise<Result>, come = () => 0): Promise<Result> {
    let bytes = come();
    for (let attempt = 0; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        if (come() - bytes >= PROGRESS_BYTES) attempt = 0;
        bytes = come();
        const { retryAfterMs } = error.details;
        if (attempt >= this.#retries || (retryAfterMs ?? 0) > LONGEST_PAUSE_MS) throw failed(url, error, attempt + 1);
        await pause(retryAfterMs ?? this.#retryDelayMs * 2 ** attempt, this.options.signal);
      }
    }
  }

  /** One attempt. @throws Interrupted where another may succeed, SstError `download-failed` where there is no such server */
  async attempt(url: string, init: RequestInit = {}): Promise<HttpBody> {
    const watch = new Watch(this.#timeoutMs, this.options.signal);
    const headers = { ...(init.headers as Record<string, string>), ...this.headersFor(url) };
    const response = await watch.over(fetch(url, { ...init, headers, signal: watch.signal })).catch((cause) => {
      if (cause instanceof Interrupted && isNoServer(cause)) {
        throw new SstError("download-failed", `${shown(url)} cannot be reached: is the address right?`, { cause });
      }
      throw cause;
    });
    const body = bodyOf(response, watch);
    if (!passing.includes(response.status)) return body;
    await body.cancel();
    throw new Interrupted(`the server answered ${response.status}`, { retryAfterMs: retryAfter(response.headers) });
  }

  /** All of a small file. @param limitBytes a longer one is refused @throws as `retrying` and `attempt` */
  async whole(
    url: string,
    limitBytes: number,
    init: RequestInit = {},
  ): Promise<{ readonly body: HttpBody; readonly bytes: Uint8Array }> {
    return this.retrying(url, async () => {
      const body = await this.attempt(url, init);
      return { body, bytes: await collect(body, limitBytes, url) };
    });
  }
}

/** @throws SstError `file-unsupported` for more bytes than allowed */
export async function collect(body: HttpBody, limitBytes: number, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body.chunks()) {
    chunks.push(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes <= limitBytes) continue;
    throw new SstError("file-unsupported", `${shown(url)} gives more than ${limitBytes} bytes: is it the right file?`);
  }
  const bytes = new Uint8Array(sizeBytes);
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.byteLength;
  }
  return bytes;
}

/** An address for messages: what is behind the question mark of a signed one lets others in. */
export function shown(url: string): string {
  try {
    const { origin, pathname } = new URL(url);
    return origin + pathname;
  } catch {
    return url;
  }
}

function bodyOf(response: Response, watch: Watch): HttpBody {
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    if (response.body === null) return;
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await watch.over(reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      // Also where nobody wants the rest: the connection is free then.
      await reader.cancel().catch(() => {
        // It broke off before.
      });
    }
  }
  const cancel = async () => {
    await response.body?.cancel().catch(() => {
      // It broke off before.
    });
  };
  return { status: response.status, headers: response.headers, chunks, cancel };
}

/** Ends a request that says nothing for too long, and tells apart who ended it. */
class Watch {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;

  constructor(
    private readonly timeoutMs: number,
    private readonly users: AbortSignal | undefined,
  ) {
    this.signal = users ? AbortSignal.any([users, this.#controller.signal]) : this.#controller.signal;
  }

  /** The clock runs while something is waited for: who reads slowly is not the server's fault. */
  async over<Result>(waiting: Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => this.#controller.abort(), this.timeoutMs);
    try {
      return await waiting;
    } catch (cause) {
      this.users?.throwIfAborted();
      const reason = this.#controller.signal.aborted
        ? `the server said nothing for ${this.timeoutMs / 1000} seconds`
        : `the connection broke off (${(cause as Error).message})`;
      throw new Interrupted(reason, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Whether a request failed for a reason that does not pass: nobody answers at that name or port, or the address can be
 * asked for by nobody. Node says so, a browser does not.
 */
function isNoServer({ cause }: Interrupted): boolean {
  if (!runsInNode() || !(cause instanceof TypeError)) return false;
  const { code } = (cause.cause ?? {}) as NodeJS.ErrnoException;
  return code === undefined || ["ECONNREFUSED", "ENOTFOUND"].includes(code);
}

/** `Retry-After`: seconds, or a date. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return undefined;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

async function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, durationMs);
    signal?.addEventListener("abort", end, { once: true });
  });
}

function failed(url: string, { message, details, cause }: Interrupted, attempts: number): SstError {
  const wait =
    details.retryAfterMs === undefined ? "" : `, and asks to wait ${Math.ceil(details.retryAfterMs / 1000)} s`;
  const times = attempts === 1 ? "once" : `${attempts} times`;
  return new SstError(
    "download-failed",
    `${shown(url)} could not be read: ${message}${wait} (tried ${times}); try again later`,
    { cause },
  );
}
