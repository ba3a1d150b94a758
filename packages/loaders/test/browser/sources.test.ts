/** Models from what a browser has: files that a user gave, its own files, the web, and the hub with its own files as cache. */
import {
  directorySource,
  type FileSource,
  fileListSource,
  hubSource,
  type LoadProgress,
  modelFiles,
  readModelData,
} from "@sst/loaders";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { tinyModel } from "../../../layers/test/tiny-model.js";

const model = tinyModel({ vocabSize: 5000 });
const files = modelFiles(model) as Record<string, Uint8Array<ArrayBuffer>>;
const { endpoint, log, repository, web } = inject("servers");
const root = await navigator.storage.getDirectory();

beforeAll(async () => {
  for await (const name of root.keys()) await root.removeEntry(name, { recursive: true });
});

async function writeFiles(folder: FileSystemDirectoryHandle, given: typeof files): Promise<void> {
  for (const [name, bytes] of Object.entries(given)) {
    const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await stream.write(bytes);
    await stream.close();
  }
}

/** A source whose files are read in parts only: reading one whole fails. */
function inParts(source: FileSource): FileSource {
  const read = (name: string) => {
    if (name.endsWith(".safetensors")) throw new Error(`${name} was read whole`);
    return source.read(name);
  };
  return { ...source, read };
}

describe("files that were given", () => {
  const given = Object.entries(files).map(([name, bytes]) => new File([bytes], name));

  test("are a model", async () => {
    expect(await readModelData(inParts(fileListSource(given)))).toEqual(model);
  });

  test("what is missing is named, and so are two of one name", async () => {
    const rest = given.filter(({ name }) => name !== "model.safetensors");
    await expect(readModelData(fileListSource(rest))).rejects.toMatchObject({
      code: "file-not-found",
      message: 'the files that were given holds no file "model.safetensors"',
    });
    expect(() => fileListSource([...given, ...given])).toThrowError(/two files are called "config.json"/);
  });
});

describe("the Origin Private File System", () => {
  test("a folder of it is a model, and is read again after it was left", async () => {
    const folder = await root.getDirectoryHandle("model", { create: true });
    await writeFiles(folder, files);
    await folder.getDirectoryHandle("below", { create: true });
    const source = directorySource(await root.getDirectoryHandle("model"));
    expect((await source.list()).sort()).toEqual(Object.keys(files).sort());
    expect(await readModelData(inParts(source))).toEqual(model);
  });

  test("a folder or a name that can be none is no file, and a file that is gone is named", async () => {
    const folder = await root.getDirectoryHandle("model", { create: true });
    await writeFiles(folder, { ...files, "gone.bin": new Uint8Array(9) });
    const source = directorySource(folder);
    for (const name of ["below", "nothing", "..", "a/b"]) expect(await source.has(name), name).toBe(false);
    const opened = await source.open?.("gone.bin");
    await folder.removeEntry("gone.bin");
    await expect(opened?.read(0, new Uint8Array(4))).rejects.toMatchObject({
      code: "file-not-found",
      message: expect.stringContaining("gone.bin cannot be read any more"),
    });
  });
});

test("a model on the web, from another origin", async () => {
  expect(await readModelData(web)).toEqual(model);
});

describe("the hub", () => {
  const token = "hf_secret";

  test("downloads go on where they broke off and are kept; the token stays with the hub", async () => {
    const seen: LoadProgress[] = [];
    const options = { endpoint, token, retryDelayMs: 1, onProgress: (progress: LoadProgress) => seen.push(progress) };
    expect(await readModelData(inParts(await hubSource(repository, options)))).toEqual(model);
    const sizeBytes = files["model.safetensors"]?.length;
    expect(seen.filter(({ file }) => file === "model.safetensors").at(-1)).toMatchObject({ loadedBytes: sizeBytes });
    const { hub, storage } = await (await fetch(log)).json();
    expect(
      hub.filter(({ method }: Asked) => method !== "OPTIONS").map(({ authorization }: Asked) => authorization),
    ).toContain(`Bearer ${token}`);
    const ofWeights = storage.filter(({ path }: Asked) => path.startsWith("/model.safetensors"));
    expect(ofWeights.length).toBe(2);
    for (const { authorization } of storage) expect(authorization).toBeUndefined();
  });

  test("a second time nothing is downloaded", async () => {
    const before = (await (await fetch(log)).json()).storage.length;
    expect(await readModelData(`hf://${repository}`, { endpoint })).toEqual(model);
    expect((await (await fetch(log)).json()).storage.length).toBe(before);
  });

  test("a text of a name is the hub's here, for there are no folders", async () => {
    await expect(readModelData("nobody/nothing", { endpoint })).rejects.toMatchObject({
      code: "file-not-found",
      message: expect.stringMatching(/^the hub answers 404 for the model of nobody\/nothing/),
    });
  });
});

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization?: string;
}
