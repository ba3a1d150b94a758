/**
 * Models and data sets on the Hugging Face hub. Files are downloaded when they are asked for, checked against the hub's digests, and kept:
 * in Node on disk, in a browser in its Origin Private File System.
 */
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { type FileSource, noFile } from "../files/file-source.js";
import type { HttpOptions } from "../files/http-client.js";
import { type OpenFile, readAll } from "../files/open-file.js";
import type { WatchOptions } from "../files/progress.js";
import { runsInNode } from "../files/runtime.js";
import type { BlobCache } from "./blob-cache.js";
import { defaultCacheDir, diskCache } from "./disk-cache.js";
import { downloadFile } from "./download.js";
import { HubApi, type HubFile } from "./hub-api.js";
import { parseHubId } from "./hub-id.js";
import { opfsCache } from "./opfs-cache.js";

export interface HubOptions extends HttpOptions, WatchOptions {
  /** A branch, a tag or a commit; defaults to what stands behind the name's `@`, else to `main`. */
  readonly revision?: string | undefined;
  /** For models that are private or gated; defaults to `HF_TOKEN`. It goes to the hub only. */
  readonly token?: string | undefined;
  /** Where downloads are kept in Node; defaults to `SST_CACHE_DIR`, else to `sst` in the user's folder for caches. */
  readonly cacheDir?: string | undefined;
  /** Another hub; defaults to `HF_ENDPOINT`, else to https://huggingface.co. */
  readonly endpoint?: string | undefined;
}

const commitPattern = /^[0-9a-f]{40}$/;

/**
 * The files of a model or a data set on the hub, by name (those in folders are left out). A commit whose list of files is in the cache is not
 * asked for again, so that it can be read without a network once its files are there.
 *
 * @param id `owner/name` or `owner/name@revision`, with `hf://` before it or not; `hf://datasets/owner/name` for data sets
 * @throws SstError `file-not-found` naming model and revision, `access-denied`, `download-failed`, `invalid-argument`. Reading
 * throws these too, and `file-corrupt` for a file that does not have its digest, `disk-full`, `output-not-writable`
 */
export async function hubSource(id: string, options: HubOptions = {}): Promise<FileSource> {
  const parsed = parseHubId(id);
  const revision = options.revision ?? parsed.revision ?? "main";
  const path = parsed.kind === "model" ? parsed.repository : `datasets/${parsed.repository}`;
  const environment = runsInNode() ? process.env : {};
  const endpoint = (options.endpoint || environment.HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  const { host } = addressOf(endpoint);
  const api = new HubApi(endpoint, parsed, revision, options.token || environment.HF_TOKEN || undefined, options);
  const cache = await openCache(host, options.cacheDir);
  const commit = commitPattern.test(revision) ? revision : await api.commit();
  const files = new Map((await listed(api, cache, `${path}/${commit}.json`, commit)).map((file) => [file.path, file]));
  const location = `hf://${path}@${revision}`;
  const coming = new Map<string, Promise<void>>();
  const download = (file: HubFile) => {
    const already = coming.get(file.digest);
    if (already !== undefined) return already;
    const { onProgress } = options;
    const started = downloadFile({ api, cache, commit, file, onProgress }).finally(() => coming.delete(file.digest));
    coming.set(file.digest, started);
    return started;
  };
  const open = async (name: string): Promise<OpenFile> => {
    const file = files.get(name);
    if (file === undefined) throw noFile(location, name);
    const opened = await cache.open(file.digest, file.sizeBytes);
    if (opened !== undefined) return opened;
    await download(file);
    const downloaded = await cache.open(file.digest, file.sizeBytes);
    if (downloaded !== undefined) return downloaded;
    throw new SstError("file-changed", `${name} of ${location} vanished from ${cache.location}: load it again`);
  };
  return {
    location,
    version: `${path}@${commit}`,
    list: async () => [...files.keys()],
    has: async (name) => files.has(name),
    open,
    read: async (name) => readAll(await open(name)),
  };
}

async function openCache(host: string, cacheDir: string | undefined): Promise<BlobCache> {
  // A port is set off by what is no part of a file's name everywhere.
  const hub = host.replace(":", "-");
  if (!runsInNode()) return opfsCache(["hub", hub]);
  const { join } = await import("node:path");
  return diskCache(join(cacheDir || (await defaultCacheDir()), "hub", hub));
}

function addressOf(endpoint: string): URL {
  try {
    return new URL(endpoint);
  } catch (cause) {
    throw new SstError("invalid-argument", `the hub's endpoint "${endpoint}" is no address: write https://…`, {
      cause,
    });
  }
}

const listSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.array(
    v.object({
      path: v.string(),
      sizeBytes: v.number(),
      digest: v.pipe(v.string(), v.regex(/^[0-9a-f]+$/)),
      digestKind: v.picklist(["sha256", "git-blob"]),
    }),
  ),
);

/** What a commit holds never changes, so it is noted. A note that cannot be read is written again. */
async function listed(api: HubApi, cache: BlobCache, note: string, commit: string): Promise<readonly HubFile[]> {
  const noted = v.safeParse(listSchema, await cache.note(note));
  if (noted.success) return noted.output;
  const files = await api.files(commit);
  await cache.writeNote(note, JSON.stringify(files));
  return files;
}
