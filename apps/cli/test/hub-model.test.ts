/** `--model` with a name on the hub and an address on the web, which servers on this machine play. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTokenizer, memorySource, modelFiles } from "@sst/loaders";
import { afterAll, expect, test, vi } from "vitest";
import { tinyModel } from "../../../packages/layers/test/tiny-model.js";
import { commit, repository, startHub } from "../../../packages/loaders/test/fake-hub.js";
import { byteLevelTokenizer, json } from "../../../packages/loaders/test/tokenizer-files.js";
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

test("a run on a model of the hub holds on to its commit", async () => {
  const tokenizer = await loadTokenizer(memorySource({ "tokenizer.json": json(byteLevelTokenizer()) }));
  const hub = await startHub(modelFiles(tinyModel({ vocabSize: 259 }), { tokenizer }));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("SST_CACHE_DIR", join(scratch, "training"));
  const text = join(scratch, "texts");
  mkdirSync(text);
  for (let part = 0; part < 12; part++) writeFileSync(join(text, `${part}.txt`), `text ${part}, `.repeat(20));
  const run = join(scratch, "run");
  const train = ["train", "--model", repository, "--data", text, "--length", "16", "--run", run, "--backend", "cpu"];
  const first = await sst(...train, "--steps", "2");
  expect(first.code, first.stderr).toBe(0);
  const [checkpoint] = readdirSync(run, { recursive: true }).filter((name) => String(name).endsWith(".safetensors"));
  expect(readFileSync(join(run, String(checkpoint)), "latin1")).toContain(`${repository}@${commit}`);
  await hub.close();
});
