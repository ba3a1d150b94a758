/** A server that plays the Hugging Face hub: its API for one model or data set, its files, and a second host that large ones are sent to. */
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type SendOptions, sendFile, serve, type WebServer } from "./web-server.js";

export const repository = "somebody/tiny";
export const commit = "0123456789abcdef0123456789abcdef01234567";

/** Files of at least this size are "LFS": elsewhere, with a SHA-256. */
const LARGE_BYTES = 4000;

/** What is done with a request for a file, or for the API as "api"; a number is a status, with headers. */
export type Misbehaviour = (
  what: string,
  times: number,
) => SendOptions | { readonly status: number; readonly headers?: Record<string, string> } | "hang";

export interface FakeHub {
  readonly endpoint: string;
  readonly hub: WebServer;
  readonly storage: WebServer;
  /** Of files, as they were asked for from the storage or, small ones, from the hub itself. */
  downloads(name: string): readonly (string | undefined)[];
  close(): Promise<void>;
}

export async function startHub(
  files: Readonly<Record<string, Uint8Array>>,
  misbehave: Misbehaviour = () => ({}),
  { token, listed = files }: { readonly token?: string; readonly listed?: typeof files } = {},
): Promise<FakeHub> {
  const times = new Map<string, number>();
  const answer = (response: ServerResponse, what: string, send: (o: SendOptions) => void) => {
    const before = times.get(what) ?? 0;
    times.set(what, before + 1);
    const options = misbehave(what, before);
    if (options === "hang") return;
    if ("status" in options) response.writeHead(options.status, options.headers).end();
    else send(options);
  };
  const storage = await serve((request, response) => {
    const name = decodeURI(new URL(request.url ?? "", "http://x").pathname).slice(1);
    answer(response, name, (options) => sendFile(request, response, files[name] as Uint8Array, options));
  });
  const hub = await serve((request, response) => {
    // A data set lies where a model of its name would, below a folder of its own.
    const pathname = new URL(request.url ?? "", "http://x").pathname.replace(
      /^(\/api)?\/(datasets|models)\//,
      (_, api) => (api ? "/api/" : "/"),
    );
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401, { "x-error-code": "RepoNotFound" }).end();
    } else if (pathname === `/api/${repository}/revision/main`) {
      answer(response, "api", () => json(response, { _id: "1", id: repository, sha: commit, lastModified: 0 }));
    } else if (pathname === `/api/${repository}/tree/${commit}`) {
      answer(response, "list", () => json(response, Object.entries(listed).map(entryOf)));
    } else if (pathname.startsWith(`/${repository}/resolve/${commit}/`)) {
      const name = pathname.split("/").at(-1) as string;
      const bytes = files[name];
      if (bytes === undefined) response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
      // Only to learn where it is, without its being large: the library asks so.
      else if (request.headers.range === "bytes=0-0") sendFile(request, response, bytes, { headers: { etag: '"x"' } });
      else if (bytes.length >= LARGE_BYTES) {
        response.writeHead(302, { location: `${storage.base}/${name}?signature=secret` }).end();
      } else answer(response, name, (options) => sendFile(request, response, bytes, options));
    } else if (pathname.includes("/revision/") && pathname.includes(repository)) {
      response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end();
    } else response.writeHead(404, { "x-error-code": "RepoNotFound" }).end();
  });
  const downloads = (name: string) =>
    [...hub.asked, ...storage.asked]
      .filter(({ path, range }) => path.split("?")[0]?.endsWith(`/${name}`) && range !== "bytes=0-0")
      .filter(({ path }) => !path.startsWith("/somebody") || (files[name]?.length ?? 0) < LARGE_BYTES)
      .map(({ range }) => range);
  const close = async () => {
    await hub.close();
    await storage.close();
  };
  return { endpoint: hub.base, hub, storage, downloads, close };
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function entryOf([path, bytes]: [string, Uint8Array]): object {
  const gitBlob = (content: Uint8Array) =>
    createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
  const entry = { type: "file", path, size: bytes.length, oid: gitBlob(bytes) };
  if (bytes.length < LARGE_BYTES) return entry;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { ...entry, lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } };
}
