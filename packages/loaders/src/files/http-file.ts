/** A file on a web server, read with range requests: one for each stretch that is announced, whatever the pieces. */
import { SstError } from "@sst/tensor";
import { collect, type HttpBody, type HttpClient, Interrupted, shown } from "./http-client.js";
import { bytesAsFile, type OpenFile } from "./open-file.js";

/** What the first request asks for: configs are whole then, and most headers. */
const FIRST_BYTES = 2 ** 16;

/**
 * The largest file that is taken from a server without ranges. Tensors are not read in the order that they lie in, so such a
 * file has to be in memory whole: that is sensible for configs and small models only.
 */
const WHOLE_BYTES = 2 ** 28;

/**
 * @throws SstError `file-not-found`, `access-denied`, `download-failed`; `file-unsupported` for a large file on a server
 * without ranges
 */
export async function openHttpFile(client: HttpClient, url: string): Promise<OpenFile> {
  return client.retrying(url, async () => {
    const body = await client.attempt(url, { headers: range(0, FIRST_BYTES) });
    if (body.status === 416) {
      await body.cancel();
      return bytesAsFile(new Uint8Array(0), shown(url));
    }
    if (isPage(body.headers) || ![200, 206].includes(body.status)) {
      await body.cancel();
      throw refused(url, isPage(body.headers) ? 404 : body.status);
    }
    if (body.status === 200) return wholeFile(body, url);
    const first = await collect(body, FIRST_BYTES, url);
    const sizeBytes = totalOf(body.headers) ?? (await sizeByHead(client, url));
    if (first.byteLength === Math.min(FIRST_BYTES, sizeBytes)) {
      return new RangedFile(client, url, sizeBytes, first, body.headers);
    }
    throw new Interrupted(`the server sent ${first.byteLength} bytes of the first ${FIRST_BYTES}`);
  });
}

/** Development servers answer unknown addresses with their start page. */
export function isPage(headers: Headers): boolean {
  return (headers.get("content-type") ?? "").startsWith("text/html");
}

export function refused(url: string, status: number): SstError {
  const answered = `${shown(url)} answered ${status}`;
  if (status === 404 || status === 410) return new SstError("file-not-found", `${answered}: is the address right?`);
  if (status === 401 || status === 403) {
    return new SstError("access-denied", `${answered}: make it readable without signing in, or download it by hand`);
  }
  return new SstError(
    "download-failed",
    `${answered}, which is no answer to a request for a file: is the address right?`,
  );
}

async function wholeFile(body: HttpBody, url: string): Promise<OpenFile> {
  const tooLong = () =>
    new SstError(
      "file-unsupported",
      `${shown(url)} is larger than ${WHOLE_BYTES} bytes, and its server knows no ranges (it ignores "Range"): use one that ` +
        "does, or download the folder and give its path",
    );
  if (Number(body.headers.get("content-length") ?? 0) > WHOLE_BYTES) {
    await body.cancel();
    throw tooLong();
  }
  const bytes = await collect(body, WHOLE_BYTES, url).catch((error) => {
    throw error instanceof SstError && error.code === "file-unsupported" ? tooLong() : error;
  });
  return bytesAsFile(bytes, shown(url));
}

/** A stretch of the file that is on its way. */
interface Stretch {
  position: number;
  readonly end: number;
  readonly chunks: AsyncGenerator<Uint8Array, void>;
  /** Has come and was not taken yet. */
  rest: Uint8Array;
}

class RangedFile implements OpenFile {
  readonly #version: string | null;
  #announced = { begin: 0, end: 0 };
  #stretch: Stretch | undefined;
  /** Reads are made one after the other: there is one stretch. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param first the file's first bytes @param headers that came with them */
  constructor(
    private readonly client: HttpClient,
    private readonly url: string,
    readonly sizeBytes: number,
    private readonly first: Uint8Array,
    headers: Headers,
  ) {
    this.#version = headers.get("etag");
  }

  announce(position: number, sizeBytes: number): void {
    this.#announced = { begin: position, end: Math.min(this.sizeBytes, position + sizeBytes) };
  }

  read(position: number, into: Uint8Array): Promise<void> {
    const reading = this.#last.then(() => this.#read(position, into));
    this.#last = reading.catch(() => {
      // Whoever asked for it has heard.
    });
    return reading;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#drop();
  }

  async #read(position: number, into: Uint8Array): Promise<void> {
    const end = position + into.byteLength;
    if (end > this.sizeBytes) {
      throw new SstError(
        "file-corrupt",
        `${shown(this.url)} ends at byte ${this.sizeBytes}: was it changed while it was read?`,
      );
    }
    if (end <= this.first.byteLength) return into.set(this.first.subarray(position, end));
    let done = 0;
    const fill = async () => {
      try {
        while (done < into.byteLength) {
          const piece = await this.#next(position + done, end);
          into.set(piece, done);
          done += piece.byteLength;
        }
      } catch (error) {
        await this.#drop();
        throw error;
      }
    };
    await this.client.retrying(this.url, fill, () => done);
  }

  /** Some of the bytes from a position on, at least one. */
  async #next(position: number, end: number): Promise<Uint8Array> {
    const stretch = await this.#stretchAt(position, end);
    if (stretch.rest.byteLength === 0) {
      const { done, value } = await stretch.chunks.next();
      if (done) throw new Interrupted(`the server sent ${stretch.end - position} bytes less than it was asked for`);
      stretch.rest = value;
    }
    const taken = stretch.rest.subarray(0, end - position);
    stretch.rest = stretch.rest.subarray(taken.byteLength);
    stretch.position += taken.byteLength;
    if (stretch.position > stretch.end) throw new Interrupted("the server sent more than it was asked for");
    if (stretch.position === stretch.end) await this.#drop();
    return taken;
  }

  /** What is on its way, if it goes on there; else another request, for all that was announced. */
  async #stretchAt(position: number, end: number): Promise<Stretch> {
    if (this.#stretch?.position === position) return this.#stretch;
    await this.#drop();
    const { begin, end: announcedEnd } = this.#announced;
    const isAnnounced = position >= begin && position < announcedEnd;
    this.#stretch = await this.#request(position, isAnnounced ? Math.max(announcedEnd, end) : end);
    return this.#stretch;
  }

  async #request(begin: number, end: number): Promise<Stretch> {
    const body = await this.client.attempt(this.url, { headers: range(begin, end - begin) });
    const complaint = this.#complaintAbout(body, begin);
    if (complaint === undefined) return { position: begin, end, chunks: body.chunks(), rest: new Uint8Array(0) };
    await body.cancel();
    throw complaint;
  }

  #complaintAbout({ status, headers }: HttpBody, begin: number): SstError | undefined {
    const isOther = (totalOf(headers) ?? this.sizeBytes) !== this.sizeBytes || headers.get("etag") !== this.#version;
    if (status === 416 || ((status === 200 || status === 206) && isOther)) {
      return new SstError("file-changed", `${shown(this.url)} was changed while it was read: load it again`);
    }
    const start = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
    if (status === 206 && (start === undefined || Number(start) === begin)) return undefined;
    return status === 206 || status === 200
      ? new SstError("download-failed", `${shown(this.url)}: the server sent another part than it was asked for`)
      : refused(this.url, status);
  }

  async #drop(): Promise<void> {
    const dropped = this.#stretch;
    this.#stretch = undefined;
    await dropped?.chunks.return();
  }
}

function range(begin: number, sizeBytes: number): Record<string, string> {
  return { Range: `bytes=${begin}-${begin + sizeBytes - 1}` };
}

/** The size of the file as an answer of a part of it says; undefined where another origin's header is not shown. */
function totalOf(headers: Headers): number | undefined {
  const total = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  return total === undefined ? undefined : Number(total);
}

async function sizeByHead(client: HttpClient, url: string): Promise<number> {
  const body = await client.attempt(url, { method: "HEAD" });
  await body.cancel();
  const length = body.headers.get("content-length");
  if (length !== null && body.status === 200) return Number(length);
  throw new SstError(
    "file-unsupported",
    `${shown(url)}: its server does not say how long it is: let it show "Content-Range", or download the folder`,
  );
}
