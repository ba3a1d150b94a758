/** `--model` with a name on the hub and an address on the web, which servers on this machine play. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelFiles } from "@sst/loaders";
import { afterAll, expect, test, vi } from "vitest";
import { tinyModel } from "../../../packages/layers/test/tiny-model.js";
import { repository, startHub } from "../../../packages/loaders/test/fake-hub.js";
import { sendFile, serve } from "../../../packages/loaders/test/web-server.js";
import { sst } from "./run-sst.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-cli-hub-"));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true });
});

test("a model of the hub and one on the web print the same logits, and downloads are told on standard error", async () => {
  const files = modelFiles(tinyModel());
  const hub = await startHub(files);
  const web = await serve((request, response) => {
    const bytes = files[(request.url ?? "").slice(1)];
    if (bytes === undefined) response.writeHead(404).end();
    else sendFile(request, response, bytes);
  });
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("SST_CACHE_DIR", scratch);
  const logits = (model: string) => sst("logits", "--model", model, "--tokens", "1,2,3", "--backend", "cpu");
  const fromHub = await logits(repository);
  expect(fromHub.code, fromHub.stderr).toBe(0);
  expect(fromHub.stderr).toMatch(/^model\.safetensors: 0\.0 MB downloaded$/m);
  const again = await logits(`hf://${repository}`);
  expect(again.stderr).not.toMatch(/downloaded/);
  const fromWeb = await logits(web.base);
  expect(JSON.parse(fromHub.stdout).logits[0].length).toBe(3);
  expect([again.stdout, fromWeb.stdout]).toEqual([fromHub.stdout, fromHub.stdout]);
  const missing = await logits("nobody/nothing");
  expect([missing.code, missing.stdout]).toEqual([1, ""]);
  expect(missing.stderr).toMatch(/there is no folder "nobody\/nothing", so the hub was asked: the hub answers 404/);
  await hub.close();
  await web.close();
});
