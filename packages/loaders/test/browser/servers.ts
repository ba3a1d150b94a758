/** The servers that the tests in Chromium talk to: they are of another origin, and say that this is allowed. */
import { modelFiles } from "@sst/loaders";
import type { TestProject } from "vitest/node";
import { tinyModel } from "../../../layers/test/tiny-model.js";
import { repository, startHub } from "../fake-hub.js";
import { sendFile, serve } from "../web-server.js";

export interface Servers {
  /** A model's folder. */
  readonly web: string;
  readonly endpoint: string;
  readonly repository: string;
  /** What the hub and its storage were asked for with a token, as JSON. */
  readonly log: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    servers: Servers;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // Larger than what is asked for first of a file.
  const files = modelFiles(tinyModel({ vocabSize: 5000 }));
  const web = await serve((request, response) => {
    allow(response);
    const bytes = files[(request.url ?? "").slice(1)];
    if (bytes === undefined) response.writeHead(404).end();
    else sendFile(request, response, bytes);
  });
  // The first download of the weights breaks off.
  const hub = await startHub(files, (what, times) =>
    what === "model.safetensors" && times === 0 ? { breakAfter: 200_000 } : {},
  );
  for (const { server } of [hub.hub, hub.storage]) server.prependListener("request", (_, response) => allow(response));
  const log = await serve((_, response) => {
    allow(response);
    const asked = { hub: hub.hub.asked, storage: hub.storage.asked };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(asked));
  });
  project.provide("servers", { web: web.base, endpoint: hub.endpoint, repository, log: log.base });
  return async () => {
    for (const each of [web, hub, log]) await each.close();
  };
}

function allow(response: { setHeader(name: string, value: string): unknown }): void {
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-allow-headers", "authorization, range");
  response.setHeader("access-control-expose-headers", "content-range, etag, x-error-code");
}
