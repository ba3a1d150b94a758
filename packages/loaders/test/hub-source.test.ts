/** Models from the hub, which a server on this machine plays: cached, checked, gone on with, and every way it fails. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { initializeModel } from "@sst/layers";
import { type HubOptions, hubSource, type LoadProgress, modelFiles, readModelData, toSource } from "@sst/loaders";
import { Random } from "@sst/tensor";
import { afterEach, describe, expect, test, vi } from "vitest";
import { tinyConfig } from "../../layers/test/tiny-model.js";
import { commit, type FakeHub, type Misbehaviour, repository, startHub } from "./fake-hub.js";

const model = initializeModel({ ...tinyConfig, vocabSize: 20_000 }, new Random(1));
const unneeded = { "pytorch_model.bin": new Uint8Array(5000), "README.md": new Uint8Array(10) };
const files: Record<string, Uint8Array> = { ...modelFiles(model), ...unneeded };
const weights = files["model.safetensors"] as Uint8Array;

const scratch: string[] = [];
const hubs: FakeHub[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const hub of hubs.splice(0)) await hub.close();
  for (const folder of scratch.splice(0)) rmSync(folder, { recursive: true });
});

interface Started extends FakeHub {
  readonly options: HubOptions & { readonly cacheDir: string };
}

async function start(misbehave?: Misbehaviour, settings?: Parameters<typeof startHub>[2]): Promise<Started> {
  const hub = await startHub(files, misbehave, settings);
  hubs.push(hub);
  const cacheDir = mkdtempSync(join(tmpdir(), "sst-hub-"));
  scratch.push(cacheDir);
  return { ...hub, options: { endpoint: hub.endpoint, cacheDir, timeoutMs: 10_000, retries: 2, retryDelayMs: 1 } };
}

const blobFolder = ({ options }: Started) => {
  const host = readdirSync(join(options.cacheDir, "hub"))[0] as string;
  return join(options.cacheDir, "hub", host, "blobs");
};
/** Where each download of the weights began. A connection that breaks off may lose some of what was sent. */
const beginnings = (hub: FakeHub) =>
  hub.downloads("model.safetensors").map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? "bytes=0-")?.[1]));
const weightsAt = (misbehaviour: (times: number) => ReturnType<Misbehaviour>): Misbehaviour => {
  return (what, times) => (what === "model.safetensors" ? misbehaviour(times) : {});
};
const failing = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("a model on the hub", () => {
  test("is downloaded, only what is needed of it, and comes from the cache the next time", async () => {
    const hub = await start();
    expect(await readModelData(`hf://${repository}`, hub.options)).toEqual(model);
    expect(hub.downloads("model.safetensors")).toEqual([undefined]);
    for (const name of Object.keys(unneeded)) expect(hub.downloads(name)).toEqual([]);
    const before = hub.hub.asked.length;
    expect(await readModelData(repository, hub.options)).toEqual(model);
    expect(hub.hub.asked.slice(before).map(({ path }) => path.split("?")[0])).toEqual([
      `/api/models/${repository}/revision/main`,
    ]);
    expect(hub.storage.asked.length).toBe(1);
  });

  test("of a commit is read without a network once it is there", async () => {
    const hub = await start();
    const id = `${repository}@${commit}`;
    expect(await readModelData(id, hub.options)).toEqual(model);
    await hub.close();
    expect(await readModelData(id, hub.options)).toEqual(model);
    await expect(readModelData(repository, hub.options)).rejects.toMatchObject({ code: "download-failed" });
  });

  test("tells how far it has come, as plain data, and prints nothing", async () => {
    const hub = await start();
    const writing = [vi.spyOn(process.stdout, "write"), vi.spyOn(console, "log"), vi.spyOn(console, "debug")];
    const seen: LoadProgress[] = [];
    await readModelData(repository, { ...hub.options, onProgress: (progress) => seen.push(progress) });
    for (const write of writing) {
      expect(write).not.toHaveBeenCalled();
      write.mockRestore();
    }
    const ofWeights = seen.filter(({ file, phase }) => file === "model.safetensors" && phase === "download");
    expect(ofWeights.length).toBeGreaterThan(2);
    expect(ofWeights.map(({ loadedBytes }) => loadedBytes)).toEqual(
      ofWeights.map(({ loadedBytes }) => loadedBytes).sort((left, right) => left - right),
    );
    expect(ofWeights.at(-1)).toEqual({
      phase: "download",
      file: "model.safetensors",
      loadedBytes: weights.length,
      totalBytes: weights.length,
    });
    expect(structuredClone(seen)).toEqual(seen);
  });

  test("that two ask for at once is downloaded once by one process, and is whole for two", async () => {
    const hub = await start();
    const source = await hubSource(repository, hub.options);
    const both = await Promise.all([source.read("model.safetensors"), source.read("model.safetensors")]);
    for (const bytes of both) expect(Buffer.compare(bytes, weights)).toBe(0);
    expect(hub.downloads("model.safetensors").length).toBe(1);
    const other = await start();
    const sources = await Promise.all([hubSource(repository, other.options), hubSource(repository, other.options)]);
    const read = await Promise.all(sources.map((each) => each.read("model.safetensors")));
    for (const bytes of read) expect(Buffer.compare(bytes, weights)).toBe(0);
    expect(readdirSync(blobFolder(other)).filter((name) => name.includes("partial"))).toEqual([]);
  });
});

describe("the token", () => {
  const token = "hf_verySecret";

  test("goes to the hub, and to nobody that it sends to", async () => {
    const hub = await start(undefined, { token });
    vi.stubEnv("HF_TOKEN", token);
    expect(await readModelData(repository, hub.options)).toEqual(model);
    expect(new Set(hub.hub.asked.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${token}`]));
    expect(hub.storage.asked.length).toBeGreaterThan(0);
    expect(new Set(hub.storage.asked.map(({ authorization }) => authorization))).toEqual(new Set([undefined]));
  });

  test("is in no message, and where it is missing or refused the message says so", async () => {
    const hub = await start(undefined, { token: "hf_other" });
    for (const given of [undefined, token]) {
      const error = await readModelData(repository, { ...hub.options, token: given }).catch((caught) => caught);
      expect(error).toEqual(
        failing("access-denied", /answers 401 for the model of somebody\/tiny.*gated.*HF_TOKEN, or the option token/),
      );
      expect(everythingOf(error)).not.toContain(token);
    }
    const odd = await readModelData(repository, { ...hub.options, token: `${token}\n` }).catch((caught) => caught);
    expect(odd).toEqual(failing("invalid-argument", /token for the hub holds characters/));
    expect(everythingOf(odd)).not.toContain(token);
  });

  /** Message and stack, of what caused it too. */
  function everythingOf(error: unknown): string {
    return error instanceof Error ? `${error.message} ${error.stack} ${everythingOf(error.cause)}` : String(error);
  }
});

describe("a hub that fails", () => {
  test("403 for a file names it, and says what to do", async () => {
    const hub = await start(weightsAt(() => ({ status: 403 })));
    await expect(readModelData(repository, hub.options)).rejects.toThrowError(
      failing("access-denied", /403 for file "model\.safetensors" of somebody\/tiny, revision main.*gated.*HF_TOKEN/),
    );
  });

  test("404 names the model, the revision, or the file", async () => {
    const hub = await start();
    await expect(readModelData("hf://nobody/nothing", hub.options)).rejects.toThrowError(
      failing("file-not-found", /404 for the model of nobody\/nothing, revision main, at http/),
    );
    await expect(readModelData(`${repository}@v9`, hub.options)).rejects.toThrowError(
      failing("file-not-found", /somebody\/tiny, revision v9.*no such revision/),
    );
    const source = await hubSource(repository, hub.options);
    expect(await source.has("nothing.json")).toBe(false);
    await expect(source.read("nothing.json")).rejects.toThrowError(
      /hf:\/\/somebody\/tiny@main holds no file "nothing\.json"/,
    );
  });

  test("404 for a file that it has listed names the file", async () => {
    const hub = await startHub({ ...files, "model.safetensors": undefined as never }, () => ({}), { listed: files });
    hubs.push(hub);
    const { options } = await start();
    await expect(readModelData(repository, { ...options, endpoint: hub.endpoint })).rejects.toThrowError(
      failing("file-not-found", /404 for file "model\.safetensors" of somebody\/tiny, revision main/),
    );
  });

  test("429 is waited for as it asks, a bounded number of times", async () => {
    const soon = new Date(Date.now() + 500).toUTCString();
    const hub = await start((what, times) => {
      if (what === "api" && times < 2) return { status: 429, headers: { "retry-after": times === 0 ? "0" : soon } };
      return what === "list" && times === 0 ? { status: 500 } : {};
    });
    expect(await readModelData(repository, hub.options)).toEqual(model);
    const always = await start(() => ({ status: 429, headers: { "retry-after": "0" } }));
    await expect(readModelData(repository, always.options)).rejects.toThrowError(
      failing("download-failed", /answered 429, and asks to wait 0 s \(tried 3 times\); try again later/),
    );
    expect(always.hub.asked.length).toBe(3);
    const long = await start(() => ({ status: 429, headers: { "retry-after": "86400" } }));
    await expect(readModelData(repository, long.options)).rejects.toThrowError(/asks to wait 86400 s \(tried once\)/);
  });

  test("one that hangs is given up, and the next attempt goes on", async () => {
    const hanging = await start(() => "hang");
    await expect(readModelData(repository, { ...hanging.options, timeoutMs: 400, retries: 1 })).rejects.toThrowError(
      failing(
        "download-failed",
        /\/api\/models\/somebody\/tiny\/.*: the server said nothing for 0\.4 seconds \(tried 2 times\)/,
      ),
    );
    const once = await start(weightsAt((times) => (times === 0 ? { hangAfter: 100_000 } : {})));
    expect(await readModelData(repository, { ...once.options, timeoutMs: 400 })).toEqual(model);
    expect(once.downloads("model.safetensors")).toEqual([undefined, "bytes=100000-"]);
  });

  test("half a body is gone on with, a server without ranges begins anew", async () => {
    const hub = await start(weightsAt((times) => (times < 2 ? { breakAfter: 300_000 } : {})));
    expect(await readModelData(repository, hub.options)).toEqual(model);
    const begins = beginnings(hub);
    expect(begins.length).toBe(3);
    expect(begins[0]).toBe(0);
    expect(begins[1]).toBeGreaterThan(0);
    expect(begins[2]).toBeGreaterThan(begins[1] as number);
    expect(begins[2]).toBeLessThanOrEqual(600_000);
    const rangeless = await start(
      weightsAt((times) => ({ ranges: false, ...(times === 0 && { breakAfter: 300_000 }) })),
    );
    expect(await readModelData(repository, rangeless.options)).toEqual(model);
  });

  test("half a body each time is left for the next process, which goes on with it", async () => {
    let broken = true;
    const hub = await start(weightsAt(() => (broken ? { breakAfter: 100_000 } : {})));
    await expect(readModelData(repository, hub.options)).rejects.toThrowError(
      failing("download-failed", /model\.safetensors could not be read: .*tried 3 times/),
    );
    const part = readdirSync(blobFolder(hub)).find((name) => name.endsWith(".partial")) as string;
    const partBytes = statSync(join(blobFolder(hub), part)).size;
    expect(partBytes).toBeGreaterThan(0);
    broken = false;
    expect(await readModelData(repository, hub.options)).toEqual(model);
    expect(beginnings(hub).at(-1)).toBe(partBytes);
  });

  test("what is not what the hub says is not kept", async () => {
    const damaged = weights.slice();
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
    const hub = await startHub({ ...files, "model.safetensors": damaged }, () => ({}), { listed: files });
    hubs.push(hub);
    const { options } = await start();
    const started = { ...hub, options: { ...options, endpoint: hub.endpoint } };
    await expect(readModelData(repository, started.options)).rejects.toThrowError(
      failing(
        "file-corrupt",
        /model\.safetensors of somebody\/tiny, commit 0123.*does not have the digest [0-9a-f]{64}.*twice/,
      ),
    );
    expect(
      readdirSync(blobFolder(started)).filter((name) => statSync(join(blobFolder(started), name)).size > 5000),
    ).toEqual([]);
    const small = await startHub(
      { ...files, "config.json": new Uint8Array(files["config.json"]?.length ?? 0) },
      () => ({}),
      {
        listed: files,
      },
    );
    hubs.push(small);
    await expect(readModelData(repository, { ...options, endpoint: small.endpoint })).rejects.toThrowError(
      failing("file-corrupt", /config\.json of .*does not have the digest [0-9a-f]{40} /),
    );
  });

  test("a part that was left and is damaged costs a second download, not the model", async () => {
    const hub = await start(weightsAt((times) => (times < 3 ? { breakAfter: 100_000 } : {})));
    await expect(readModelData(repository, hub.options)).rejects.toMatchObject({ code: "download-failed" });
    const part = join(
      blobFolder(hub),
      readdirSync(blobFolder(hub)).find((name) => name.endsWith(".partial")) as string,
    );
    const bytes = readFileSync(part);
    bytes[5] = (bytes[5] as number) ^ 1;
    writeFileSync(part, bytes);
    expect(await readModelData(repository, hub.options)).toEqual(model);
    expect(beginnings(hub).slice(-2)).toEqual([bytes.length, 0]);
  });

  test("what does not speak as the hub does is named", async () => {
    const notJson = await start(() => ({ status: 200 }));
    await expect(readModelData(repository, notJson.options)).rejects.toThrowError(
      failing("download-failed", /does not speak as the hub does.*is the endpoint right/),
    );
    for (const endpoint of ["nonsense", ""]) {
      const { options } = await start();
      if (endpoint === "") vi.stubEnv("HF_ENDPOINT", "also nonsense");
      await expect(hubSource(repository, { ...options, endpoint })).rejects.toMatchObject({ code: "invalid-argument" });
    }
  });

  test("who ends it hears their own reason, and what has come is kept", async () => {
    const hub = await start(weightsAt((times) => (times === 0 ? { hangAfter: 200_000 } : {})));
    const controller = new AbortController();
    const onProgress = ({ loadedBytes }: LoadProgress) =>
      loadedBytes === 200_000 && controller.abort(new Error("enough"));
    const { signal } = controller;
    await expect(
      readModelData(repository, { ...hub.options, timeoutMs: 60_000, signal, onProgress }),
    ).rejects.toThrowError(/^enough$/);
    expect(await readModelData(repository, hub.options)).toEqual(model);
    expect(hub.downloads("model.safetensors")).toEqual([undefined, "bytes=200000-"]);
  });
});

test("a process that is killed leaves what has come, and processes beside each other disturb nobody", async () => {
  const hub = await start(weightsAt((times) => (times === 0 ? { hangAfter: 250_000 } : {})));
  const run = (timeoutMs: number) => {
    const script = fileURLToPath(new URL("downloading.mjs", import.meta.url));
    const settings = JSON.stringify({ ...hub.options, timeoutMs });
    return spawn(process.execPath, [script, repository, settings], { stdio: ["ignore", "pipe", "inherit"] });
  };
  const killed = run(60_000);
  for await (const line of killed.stdout) if (String(line).includes("250000")) break;
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const others = [run(5000), run(5000), run(5000)];
  for (const other of others) other.stdout.resume();
  const codes = await Promise.all(others.map(async (other) => (await once(other, "exit"))[0]));
  expect(codes).toEqual([0, 0, 0]);
  expect(hub.downloads("model.safetensors")).toContain("bytes=250000-");
  expect(await readModelData(repository, hub.options)).toEqual(model);
  expect(readdirSync(blobFolder(hub)).filter((name) => name.includes("partial"))).toEqual([]);
});

describe("what a text stands for", () => {
  test("a folder goes before the hub, and where neither is there both are named", async () => {
    const hub = await start();
    const folder = mkdtempSync(join(tmpdir(), "sst-names-"));
    scratch.push(folder);
    expect((await toSource(folder, hub.options)).location).toBe(folder);
    await expect(toSource(join(folder, "nothing"), hub.options)).rejects.toThrowError(/there is no folder/);
    await expect(toSource("nobody/nothing", hub.options)).rejects.toThrowError(
      failing("file-not-found", /^there is no folder "nobody\/nothing", so the hub was asked: the hub answers 404/),
    );
    expect((await toSource(`${repository}@${commit}`, hub.options)).location).toBe(`hf://${repository}@${commit}`);
    expect((await toSource(`hf://${repository}`, { ...hub.options, revision: commit })).location).toContain(commit);
  });

  test("names that are none", async () => {
    const { options } = await start();
    for (const name of ["hf://", "hf://a/b/c", "hf://a/../b", "hf://a b", "hf://a@", "hf://../x", "hf://a/b@../c"]) {
      await expect(toSource(name, options)).rejects.toMatchObject({
        code: "invalid-argument",
        message: expect.stringContaining(`"${name}" is no name on the hub`),
      });
    }
  });
});
