/** Models over HTTP, from a server on this machine, as a browser reads them. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createTask, httpSource, loadVocabulary, modelFiles, readModelData } from "@sst/loaders";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

const files = modelFiles(tinyModel(), { vocabulary: createTask("s3").vocabulary });
let server: Server;
let base: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const bytes = files[(request.url ?? "").replace("/models/", "")];
    if (bytes === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { "content-type": "application/octet-stream" })
        .end(request.method === "HEAD" ? undefined : bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models`;
});

afterAll(() => {
  server.close();
});

test("a model and its vocabulary are read", async () => {
  expect(await readModelData(base)).toEqual(tinyModel());
  expect((await loadVocabulary(httpSource(base)))?.task).toBe("s3");
});

test("a file that is not there is named, and so is a server that is not", async () => {
  await expect(httpSource(base).read("nothing.json")).rejects.toThrowError(/nothing\.json answered 404/);
  const nobody = readModelData("http://127.0.0.1:9/models");
  await expect(nobody).rejects.toThrowError(expect.objectContaining({ code: "file-not-found" }));
});

test("the package loads where there is no Node: it imports none of its modules before they are needed", () => {
  const built = readFileSync(fileURLToPath(import.meta.resolve("@sst/loaders")), "utf8");
  const imported = [...built.matchAll(/^import .*?["']([^"']+)["'];$/gm)].map(([, name]) => name);
  expect(new Set(imported)).toEqual(
    new Set(["@huggingface/tokenizers", "@sst/layers", "@sst/tensor", "tinyqueue", "valibot"]),
  );
});
