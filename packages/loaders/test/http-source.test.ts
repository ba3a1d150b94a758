/** Models over HTTP, from a server on this machine. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
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
    else response.writeHead(200, { "content-type": "application/octet-stream" }).end(request.method === "HEAD" ? undefined : bytes);
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

test("a file that is not there is named", async () => {
  await expect(httpSource(base).read("nothing.json")).rejects.toThrowError(/nothing\.json answered 404/);
});
