/** Files below a web address, read in ranges. */
import type { FileSource } from "./file-source.js";
import { HttpClient, type HttpOptions, shown } from "./http-client.js";
import { isPage, openHttpFile, refused } from "./http-file.js";
import { readAll } from "./open-file.js";

/**
 * It cannot list them, so checkpoints of llama2.c, whose names vary, are not found. A file that the server answers 403, 404
 * or 410 for is not there (stores of objects say 403 where there is nothing).
 */
export function httpSource(baseUrl: string, options: HttpOptions = {}): FileSource {
  const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
  const client = new HttpClient(options);
  return {
    location: shown(baseUrl),
    list: async () => [],
    has: (name) => isThere(client, base + name),
    open: (name) => openHttpFile(client, base + name),
    read: async (name) => readAll(await openHttpFile(client, base + name)),
  };
}

async function isThere(client: HttpClient, url: string): Promise<boolean> {
  const ask = (init: RequestInit) =>
    client.retrying(url, async () => {
      const body = await client.attempt(url, init);
      await body.cancel();
      return body;
    });
  const answer = await ask({ method: "HEAD" });
  // Some servers know no HEAD.
  const noHead = [405, 501].includes(answer.status);
  const { status, headers } = noHead ? await ask({ headers: { Range: "bytes=0-0" } }) : answer;
  if ([403, 404, 410].includes(status) || isPage(headers)) return false;
  // An empty file has no first byte.
  if ((status >= 200 && status < 300) || status === 416) return true;
  throw refused(url, status);
}
