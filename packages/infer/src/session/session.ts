/**
 * A text and where the model stands in it: read, gone on with, forked, gone back in, saved. Its caches are allocated once, at
 * their full size. The last token is not read before something follows it, so that a policy may deliberate on it.
 */
import { type DecoderModel, requireKnownTokens } from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { GenerationEvent } from "./events.js";
import { type GenerationPlace, generateIn, type SessionGeneration } from "./generation.js";
import { type ReadOptions, type ReadReport, readTokens } from "./read-tokens.js";
import { type CacheMark, SessionCaches } from "./session-caches.js";
import { loadSession, saveSession } from "./session-file.js";

export interface SessionOptions {
  /** Tokens that the session can hold; defaults to the model's context. */
  readonly context?: number;
  /** How many tokens are read when they are appended. */
  readonly reading?: Pick<ReadOptions, "solver" | "tolerance" | "sweeps" | "chunk">;
  /** Runs the plain backbone. */
  readonly streamOff?: boolean;
}

/** A place in a session to come back to, with the states that it had there. To be disposed of. */
export interface SessionMark extends Disposable {
  /** Tokens that the session held. */
  readonly length: number;
}

type Contents = Pick<GenerationPlace, "caches" | "read"> & { readonly tokens: readonly number[] };

type SavedMark = Pick<GenerationPlace, "read"> & { readonly caches: CacheMark };

export class Session implements Disposable {
  readonly #place: GenerationPlace;
  #isBusy = false;
  #isDisposed = false;
  readonly #marks = new WeakMap<SessionMark, SavedMark>();

  /** @throws SstError `invalid-argument` for a context that the model does not have */
  constructor(
    readonly model: DecoderModel,
    private readonly options: SessionOptions = {},
    contents?: Contents,
  ) {
    const { maxPositionEmbeddings } = model.config;
    const { context = maxPositionEmbeddings } = options;
    if (!Number.isInteger(context) || context < 1 || context > maxPositionEmbeddings) {
      throw new SstError(
        "invalid-argument",
        `a session's context should be a whole number from 1 to the model's ${maxPositionEmbeddings}, but is ${context}`,
      );
    }
    this.#place = {
      model,
      weights: model.weights(),
      caches: contents?.caches ?? new SessionCaches(model.config, context),
      tokens: [...(contents?.tokens ?? [])],
      streamOff: options.streamOff ?? false,
      read: contents?.read,
    };
  }

  /** All tokens, the generated ones included. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  get length(): number {
    return this.#tokens.length;
  }

  /** Tokens that it can hold. */
  get context(): number {
    return this.#caches.capacity;
  }

  /** Whether it runs the plain backbone. */
  get isStreamOff(): boolean {
    return this.#place.streamOff;
  }

  /**
   * Reads tokens behind those that are there. Where it throws, nothing was appended.
   *
   * @param iterations at each of them but the last, which is deliberated on when something follows; defaults to 1
   * @throws SstError `unknown-token`, `context-overflow`, `contradiction` while it is busy, `disposed`; the signal's reason
   */
  async append(
    tokens: readonly number[],
    { iterations = 1, signal }: Pick<ReadOptions, "iterations" | "signal"> = {},
  ): Promise<ReadReport> {
    requireKnownTokens(tokens, this.model.config);
    this.#requireRoom(tokens.length);
    return this.#alone(async () => {
      const unread = [...this.#tokens.slice(this.#caches.kv.length), ...tokens].slice(0, -1);
      const { reading } = this.options;
      const { streamOff } = this.#place;
      using mark = this.#caches.mark();
      try {
        const options = { ...reading, iterations, streamOff, signal };
        const report = await readTokens(this.#place.weights, unread, this.#caches, options);
        this.#tokens.push(...tokens);
        this.#place.read = undefined;
        return report;
      } catch (error) {
        this.#caches.rewind(mark);
        throw error;
      }
    });
  }

  /**
   * Goes on with the text, and keeps what it generates. It stops where the events are not asked for any more (`break`): then the
   * session holds the tokens that were given out.
   *
   * @throws SstError `empty-prompt` for an empty session, `context-overflow`, `contradiction` while it is busy or for options that
   * do not fit together, `invalid-argument`, `unknown-token`, `not-finite`, `disposed`; the signal's reason
   */
  generate(options: SessionGeneration): AsyncGenerator<GenerationEvent, void, void> {
    this.#requireThere();
    if (this.length === 0) throw new SstError("empty-prompt", "the session is empty: append at least one token");
    this.#requireRoom(options.maxNewTokens);
    return this.#aloneWhile(generateIn(this.#place, options));
  }

  /**
   * Another session with the same text. What both hold lies on the same memory until one of them goes on; from then on each has
   * caches of its own.
   *
   * @throws SstError `contradiction` while it is busy, `disposed`
   */
  fork(): Session {
    this.#requireFree();
    const { read, tokens } = this.#place;
    return new Session(this.model, this.options, { tokens, read, caches: this.#caches.fork() });
  }

  /** A place to come back to. It holds the states, and of layers with a window their keys and values. @throws SstError as `fork` */
  mark(): SessionMark {
    this.#requireFree();
    const caches = this.#caches.mark();
    const mark: SessionMark = { length: this.length, [Symbol.dispose]: () => caches[Symbol.dispose]() };
    this.#marks.set(mark, { caches, read: this.#place.read });
    return mark;
  }

  /**
   * Back to a mark of this session, which costs nothing, or to so many tokens: since neither the stream nor a window keeps its past,
   * these are read again, all of them.
   *
   * @throws SstError `invalid-argument` for another session's mark, or more tokens than there are; as `append`
   */
  async rewind(to: SessionMark | number): Promise<void> {
    const length = typeof to === "number" ? to : to.length;
    if (!Number.isInteger(length) || length < 0 || length > this.length) {
      throw new SstError(
        "invalid-argument",
        `the session holds ${this.length} tokens, so it cannot go back to ${length}`,
      );
    }
    await this.#alone(async () => {
      const kept = this.#tokens.slice(0, length);
      if (typeof to !== "number") {
        const saved = this.#marks.get(to);
        if (saved === undefined) throw new SstError("invalid-argument", "the mark is another session's");
        this.#caches.rewind(saved.caches);
        this.#place.read = saved.read;
      } else {
        this.#caches.clear();
        this.#place.read = undefined;
        const { weights, streamOff } = this.#place;
        await readTokens(weights, kept.slice(0, -1), this.#caches, { ...this.options.reading, streamOff });
      }
      this.#tokens.splice(length);
    });
  }

  /** The session as bytes, to go on with on the same model. @throws SstError as `fork` */
  async save(): Promise<Uint8Array> {
    return this.#alone(() => saveSession(this.model, this.#place));
  }

  /**
   * A session that was saved.
   *
   * @throws SstError `file-corrupt` for bytes that are no session or cut short, `contradiction` for another model's
   */
  static async load(
    model: DecoderModel,
    bytes: Uint8Array,
    options: Omit<SessionOptions, "context"> = {},
  ): Promise<Session> {
    const contents = await loadSession(model, bytes);
    return new Session(model, { ...options, context: contents.caches.capacity }, contents);
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#caches.dispose();
    this.#place.weights.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  get #tokens(): number[] {
    return this.#place.tokens;
  }

  get #caches(): SessionCaches {
    return this.#place.caches;
  }

  async #alone<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#requireFree();
    this.#isBusy = true;
    try {
      return await run();
    } finally {
      this.#isBusy = false;
    }
  }

  async *#aloneWhile<Event>(events: AsyncGenerator<Event, void, void>): AsyncGenerator<Event, void, void> {
    this.#requireFree();
    this.#isBusy = true;
    try {
      yield* events;
    } finally {
      this.#isBusy = false;
    }
  }

  #requireFree(): void {
    this.#requireThere();
    if (!this.#isBusy) return;
    throw new SstError(
      "contradiction",
      "the session is busy: let the generation end, or stop it, before the next call",
    );
  }

  #requireThere(): void {
    if (this.#isDisposed) throw new SstError("disposed", "the session was disposed of");
  }

  #requireRoom(count: number): void {
    if (this.length + count <= this.context) return;
    throw new SstError(
      "context-overflow",
      `the session holds ${this.length} tokens, and ${count} more do not fit its context of ${this.context}`,
    );
  }
}
