/** Models over HTTP, from a server on this machine that is sometimes a bad one. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { initializeModel } from "@sst/layers";
import { createTask, httpSource, type LoadProgress, loadVocabulary, modelFiles, readModelData } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { afterEach, describe, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../layers/test/tiny-model.js";
import { type SendOptions, sendFile, serve, type WebServer } from "./web-server.js";

const files = modelFiles(tinyModel(), { vocabulary: createTask("s3").vocabulary });
/** Its weights are larger than the first request asks for, and its embedding than a piece. */
const wide = initializeModel({ ...tinyConfig, vocabSize: 20_000 }, new Random(1));
const wideFiles = modelFiles(wide);
const quick = { timeoutMs: 10_000, retryDelayMs: 1, retries: 3 };

const servers: WebServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** @param misbehave what is done with a request, by how often that file was asked for before; a number is a status */
async function start(
  served: Readonly<Record<string, Uint8Array>>,
  misbehave: (name: string, times: number) => SendOptions | number = () => ({}),
): Promise<WebServer> {
  const times = new Map<string, number>();
  const server = await serve((request, response) => {
    const name = (request.url ?? "").replace("/models/", "");
    const bytes = served[name];
    const before = times.get(name) ?? 0;
    const options = misbehave(name, before);
    times.set(name, before + 1);
    if (bytes === undefined) response.writeHead(404).end();
    else if (typeof options === "number") response.writeHead(options, { "retry-after": "0" }).end();
    else sendFile(request, response, bytes, options);
  });
  servers.push(server);
  return server;
}

const failing = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("a good server", () => {
  test("a model and its vocabulary are read", async () => {
    const { base } = await start(files);
    expect(await readModelData(`${base}/models`)).toEqual(tinyModel());
    expect((await loadVocabulary(httpSource(`${base}/models`)))?.task).toBe("s3");
  });

  test("a tensor is one request, and no byte of a large file comes twice but those of its beginning", async () => {
    const { asked, base } = await start(wideFiles);
    const seen: LoadProgress[] = [];
    expect(await readModelData(`${base}/models`, { onProgress: (progress) => seen.push(progress) })).toEqual(wide);
    const parts = asked.filter(({ method, path }) => method === "GET" && path.endsWith("/model.safetensors"));
    const sizes = parts.map(({ range }) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") as RegExpExecArray;
      return Number(last) + 1 - Number(first);
    });
    const sizeBytes = (wideFiles["model.safetensors"] as Uint8Array).length;
    expect(sizes.reduce((left, right) => left + right)).toBeLessThan(sizeBytes + 2 * 2 ** 16);
    const tensors = Object.keys(wide.weights).filter((name) => !name.includes("state_stream"));
    expect(parts.length).toBeLessThanOrEqual(tensors.length + 2);
    const last = seen.filter(({ file }) => file === "model.safetensors").at(-1);
    expect(last).toEqual({ phase: "read", file: "model.safetensors", loadedBytes: sizeBytes, totalBytes: sizeBytes });
  });

  test("one that knows no ranges gives the file whole, one that knows no HEAD is asked otherwise", async () => {
    const { base } = await start(wideFiles, () => ({ ranges: false }));
    expect(await readModelData(`${base}/models`)).toEqual(wide);
    const server = await serve((request, response) => {
      const bytes = wideFiles[(request.url ?? "").slice(1)];
      if (bytes === undefined) response.writeHead(404).end();
      else if (request.method === "HEAD") response.writeHead(405).end();
      else sendFile(request, response, bytes);
    });
    servers.push(server);
    expect(await readModelData(server.base)).toEqual(wide);
  });

  test("a large file on a server without ranges is refused before it comes", async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { "content-length": 2 ** 40 }).flushHeaders();
    });
    servers.push(server);
    await expect(httpSource(server.base, quick).open?.("model.safetensors")).rejects.toThrowError(
      failing("file-unsupported", /model\.safetensors is larger than .* knows no ranges.*download the folder/),
    );
  });
});

describe("a bad server", () => {
  test("a file that is not there is named, and so is a server that is not", async () => {
    const { base } = await start(files);
    await expect(httpSource(base).read("nothing.json")).rejects.toThrowError(/nothing\.json answered 404/);
    await expect(readModelData("http://127.0.0.1:9/models", quick)).rejects.toThrowError(
      failing("download-failed", /127\.0\.0\.1:9\/models\/config\.json cannot be reached/),
    );
  });

  test("a file that nobody may read says so", async () => {
    for (const status of [401, 403]) {
      const { base } = await start(files, () => status);
      const reading = httpSource(`${base}/models`, quick).read("config.json");
      await expect(reading).rejects.toThrowError(
        failing("access-denied", new RegExp(`config\\.json answered ${status}`)),
      );
    }
  });

  test("bodies that break off are gone on with where they ended", async () => {
    const { asked, base } = await start(wideFiles, (_, times) => (times % 2 === 1 ? { breakAfter: 40_000 } : {}));
    expect(await readModelData(`${base}/models`, quick)).toEqual(wide);
    const begins = asked.filter(({ path }) => path.endsWith("/model.safetensors")).map(({ range }) => range);
    expect(new Set(begins).size, "no part is asked for twice").toBeGreaterThan(begins.length - 3);
  });

  test("busy for a while, and for ever", async () => {
    const busy = await start(files, (_, times) => (times < 2 ? 503 : {}));
    expect(await readModelData(`${busy.base}/models`, quick)).toEqual(tinyModel());
    const always = await start(files, () => 429);
    await expect(readModelData(`${always.base}/models`, quick)).rejects.toThrowError(
      failing("download-failed", /config\.json could not be read: the server answered 429, .*tried 4 times/),
    );
    expect(always.asked.length).toBe(4);
  });

  test("one that says nothing, from the beginning or in the middle of a body", async () => {
    for (const hangAfter of [0, 100]) {
      const { base } = await start(files, (name) => (name === "model.safetensors" ? { hangAfter } : {}));
      await expect(readModelData(`${base}/models`, { ...quick, timeoutMs: 300, retries: 1 })).rejects.toThrowError(
        failing("download-failed", /model\.safetensors could not be read: the server said nothing for 0\.3 seconds/),
      );
    }
  });

  test("a file that changes while it is read is refused", async () => {
    const changed = { ...wideFiles };
    const { base } = await start(changed, (name, times) => ({ headers: { etag: `"${name}${times > 2 ? 2 : 1}"` } }));
    await expect(readModelData(`${base}/models`, quick)).rejects.toThrowError(
      failing("file-changed", /model\.safetensors was changed while it was read/),
    );
  });

  test("who ends it hears their own reason, at once", async () => {
    const { base } = await start(files, () => ({ hangAfter: 10 }));
    const reason = new Error("enough");
    const controller = new AbortController();
    const reading = readModelData(`${base}/models`, { signal: controller.signal, timeoutMs: 60_000 });
    setTimeout(() => controller.abort(reason), 100);
    await expect(reading).rejects.toBe(reason);
  });

  test("what is behind the question mark of an address is in no message", async () => {
    const { base } = await start(files);
    const reading = httpSource(`${base}/models`).read("nothing?signature=secret");
    await expect(reading).rejects.toThrowError(
      expect.not.objectContaining({ message: expect.stringMatching(/secret/) }),
    );
  });
});

test("the package loads where there is no Node: it imports none of its modules before they are needed", () => {
  const built = readFileSync(fileURLToPath(import.meta.resolve("@sst/loaders")), "utf8");
  const imported = [...built.matchAll(/^import .*?["']([^"']+)["'];$/gm)].map(([, name]) => name);
  expect(new Set(imported)).toEqual(
    new Set([
      "@huggingface/gguf",
      "@huggingface/jinja",
      "@huggingface/tokenizers",
      "@sst/layers",
      "@sst/tensor",
      "tinyqueue",
      "valibot",
    ]),
  );
});
