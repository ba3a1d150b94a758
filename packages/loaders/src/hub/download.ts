/** One file of the hub into the cache: what is there already is gone on with, and what does not have its digest is not kept. */
import { SstError } from "@sst/tensor";
import { Interrupted } from "../files/http-client.js";
import type { LoadProgress } from "../files/progress.js";
import type { BlobCache, Download } from "./blob-cache.js";
import { createDigest, type Digest } from "./digest.js";
import type { HubApi, HubFile } from "./hub-api.js";

export interface DownloadRequest {
  readonly api: HubApi;
  readonly cache: BlobCache;
  readonly commit: string;
  readonly file: HubFile;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/**
 * @throws SstError `file-corrupt` where twice something else came than the hub says; `access-denied`, `file-not-found`,
 * `download-failed`; `disk-full`, `output-not-writable`. What has come is there for the next attempt.
 */
export async function downloadFile(request: DownloadRequest): Promise<void> {
  const { cache, file } = request;
  const download = await cache.begin(file.digest);
  try {
    // What was left by an earlier process may be anything: it is worth a second try, from the beginning.
    const digest = (await fill(request, download)) ?? (await fill(request, download));
    if (digest === undefined) throw notTheFile(request);
  } catch (error) {
    await download.leave();
    throw error;
  }
  await download.finish();
}

/** @returns the digest where it is right; otherwise nothing of the file is left */
async function fill(request: DownloadRequest, download: Download): Promise<string | undefined> {
  const { api, commit, file, onProgress } = request;
  const tell = () =>
    onProgress?.({ phase: "download", file: file.path, loadedBytes: download.sizeBytes, totalBytes: file.sizeBytes });
  if (download.sizeBytes > file.sizeBytes) await download.clear();
  const arrival = new Arrival(file, download);
  await arrival.begin();
  tell();
  const url = file.sizeBytes === 0 ? "" : await api.address(commit, file.path);
  const goOn = async () => {
    while (download.sizeBytes < file.sizeBytes) {
      for await (const chunk of rest(request, url, download, arrival)) {
        await arrival.append(chunk);
        tell();
      }
    }
  };
  await api.client.retrying(url, goOn, () => download.sizeBytes);
  const digest = arrival.end();
  if (digest === file.digest) return digest;
  await download.clear();
  return undefined;
}

/** The bytes that are missing. */
async function* rest(
  { api, file }: DownloadRequest,
  url: string,
  download: Download,
  arrival: Arrival,
): AsyncGenerator<Uint8Array, void> {
  const begin = download.sizeBytes;
  const body = await api.client.attempt(url, begin === 0 ? {} : { headers: { Range: `bytes=${begin}-` } });
  if (body.status !== 200 && body.status !== 206) {
    await body.cancel();
    throw api.refused(`file "${file.path}"`, body.status, body.headers.get("x-error-code"));
  }
  const start = Number(/^bytes (\d+)-/.exec(body.headers.get("content-range") ?? "")?.[1] ?? begin);
  // A server without ranges begins anew, and so do we.
  if (body.status === 200 && begin > 0) await arrival.restart();
  else if (start !== begin) {
    await body.cancel();
    throw new Interrupted(`the server sent bytes from ${start} on, where ${begin} was asked for`);
  }
  yield* body.chunks();
  if (download.sizeBytes < file.sizeBytes) {
    throw new Interrupted(`the server sent ${download.sizeBytes} of ${file.sizeBytes} bytes`);
  }
}

/** What has come, and its digest. */
class Arrival {
  #digest: Digest | undefined;

  constructor(
    private readonly file: HubFile,
    private readonly download: Download,
  ) {}

  async begin(): Promise<void> {
    this.#digest = await createDigest(this.file.digestKind, this.file.sizeBytes);
    if (this.download.sizeBytes === 0) return;
    for await (const piece of this.download.read()) this.#digest.update(piece);
  }

  async restart(): Promise<void> {
    await this.download.clear();
    await this.begin();
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.download.sizeBytes + chunk.byteLength > this.file.sizeBytes) {
      await this.restart();
      throw new Interrupted(`the server sent more than the ${this.file.sizeBytes} bytes that the hub says`);
    }
    await this.download.append(chunk);
    this.#digest?.update(chunk);
  }

  end(): string | undefined {
    return this.#digest?.end();
  }
}

function notTheFile({ api, commit, file }: DownloadRequest): SstError {
  return new SstError(
    "file-corrupt",
    `${file.path} of ${api.id.repository}, commit ${commit}: what came does not have the digest ${file.digest} that the hub says, ` +
      "twice: does something between here and the hub change it? Nothing of it was kept",
  );
}
