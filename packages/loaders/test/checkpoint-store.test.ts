/** Checkpoints in a folder: whole at any moment, whatever happens to the process or the disk. */
import "@sst/backend-cpu";
import { spawn } from "node:child_process";
import * as nodeFiles from "node:fs/promises";
import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DecoderModel } from "@sst/layers";
import { type CheckpointFiles, FolderCheckpointStore, type StoredCheckpoint } from "@sst/loaders";
import { Random, ready } from "@sst/tensor";
import { type BatchSource, nextTokenBatch, type StepEvent, Trainer, TrainingRun } from "@sst/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyModel } from "../../layers/test/tiny-model.js";

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sst-checkpoints-"));
  await ready({ backend: "cpu" });
});
afterAll(() => rm(scratch, { recursive: true }));

const emptyFolder = () => mkdtemp(join(scratch, "run-"));

function checkpointOf(step: number): StoredCheckpoint {
  const data = Float32Array.of(step, -0, 1e-45, 3.4e38, Number.NaN, 0.1);
  return {
    step,
    configuration: { steps: 10, "model.stateStream": { alphaMin: 0.015, alphaMax: 0.1 }, trained: ["a"] },
    state: { data: [1, -2, 3], best: null, text: 'a "quoted" ß' },
    tensors: { a: { shape: [2, 3], data }, "adamw.m/a": { shape: [6], data }, none: { shape: [0], data: data.slice(6) } },
  };
}

describe("FolderCheckpointStore", () => {
  test("gives back what it was given, to the bit, and undefined where there is nothing", async () => {
    const folder = join(await emptyFolder(), "made", "when needed");
    const store = new FolderCheckpointStore(folder);
    expect(await store.load()).toBeUndefined();
    await store.save(checkpointOf(7));
    expect(await store.load()).toEqual(checkpointOf(7));
    const bits = (checkpoint: StoredCheckpoint | undefined) => new Uint32Array(checkpoint?.tensors.a?.data.slice().buffer ?? []);
    expect(bits(await store.load())).toEqual(bits(checkpointOf(7)));
  });

  test("keeps the newest, as many as it is told, in the order of steps and not of names", async () => {
    const folder = await emptyFolder();
    const store = new FolderCheckpointStore(folder, { keepLast: 2 });
    for (const step of [5, 99_999_999, 100_000_000]) await store.save(checkpointOf(step));
    expect((await store.load())?.step).toBe(100_000_000);
    expect((await readdir(folder)).sort()).toEqual(["step-100000000.safetensors", "step-99999999.safetensors"]);
  });

  test("says which file is damaged", async () => {
    const folder = await emptyFolder();
    const store = new FolderCheckpointStore(folder);
    await store.save(checkpointOf(1));
    await truncate(join(folder, "step-00000001.safetensors"), 400);
    await expect(store.load()).rejects.toMatchObject({ code: "file-corrupt", message: /step-00000001/ });
    await writeFile(join(folder, "step-00000002.safetensors"), "{}");
    await expect(store.load()).rejects.toMatchObject({ code: "file-corrupt", message: /step-00000002/ });
  });

  test("a disk that is full at any byte: a typed error, the checkpoint before is whole, nothing is left behind", async () => {
    const folder = await emptyFolder();
    await new FolderCheckpointStore(folder).save(checkpointOf(1));
    const before = await readdir(folder);
    let refused = 0;
    for (let room = 0; ; room += 37) {
      const store = new FolderCheckpointStore(folder, { files: filesWithRoomFor(room) });
      const error = await store.save(checkpointOf(2)).catch((caught: unknown) => caught);
      if (error === undefined) break;
      refused++;
      expect(error).toMatchObject({ code: "disk-full", message: /step 2.*full.*step-00000001.*whole/ });
      expect(await readdir(folder)).toEqual(before);
      expect(await store.load()).toEqual(checkpointOf(1));
    }
    expect(refused).toBeGreaterThan(10);
    expect((await new FolderCheckpointStore(folder).load())?.step).toBe(2);
  });

  test("a folder that is none", async () => {
    const file = join(await emptyFolder(), "file");
    await writeFile(file, "");
    await expect(new FolderCheckpointStore(join(file, "run")).save(checkpointOf(1))).rejects.toMatchObject({
      code: "output-not-writable",
    });
    await expect(new FolderCheckpointStore(file).load()).rejects.toMatchObject({ code: "file-not-found" });
  });

  test("killed at any moment while it saves, the last checkpoint is whole", { timeout: 120_000 }, async () => {
    const folder = await emptyFolder();
    const random = new Random("kills");
    let last = -1;
    let killedWhileSaving = 0;
    for (let round = 0; round < 20; round++) {
      const told = await saveUntilKilled(folder, last + 1, 1 + random.integer(40));
      killedWhileSaving += (await readdir(folder)).some((name) => name.includes(".partial-")) ? 1 : 0;
      const checkpoint = await new FolderCheckpointStore(folder).load();
      const step = checkpoint?.step ?? -1;
      // What the process said was saved is there, and at most the one that it was about.
      expect([told, told + 1]).toContain(step);
      expect(checkpoint?.state).toEqual({ step });
      for (const { data } of Object.values(checkpoint?.tensors ?? {})) expect(data.every((value) => value === step)).toBe(true);
      last = step;
    }
    expect(killedWhileSaving).toBeGreaterThan(0);
    // The next save clears what the kills have left.
    await new FolderCheckpointStore(folder).save(checkpointOf(last + 1));
    expect((await readdir(folder)).filter((name) => name.includes(".partial-"))).toEqual([]);
  });
});

describe("a run that goes on from a folder", () => {
  const steps = 14;

  test("is, to the bit, the run that was never interrupted", async () => {
    const whole = await trainTo(steps, await emptyFolder());
    const folder = await emptyFolder();
    const parts = [await trainTo(5, folder), await trainTo(6, folder), await trainTo(steps, folder)];
    expect(parts.flatMap(({ losses }) => losses)).toEqual(whole.losses);
    expect(parts.at(-1)?.weights).toEqual(whole.weights);
  });

  test("refuses a run of other settings, by name", async () => {
    const folder = await emptyFolder();
    await trainTo(2, folder);
    await expect(trainTo(4, folder, 2e-2)).rejects.toMatchObject({
      code: "checkpoint-mismatch",
      message: /learningRate was 0.01, but this run has 0.02/,
    });
  });

  /** A new process in all but name: model, trainer, data and store are made anew. */
  async function trainTo(step: number, folder: string, learningRate = 1e-2) {
    const losses: number[] = [];
    using model = DecoderModel.fromData(tinyModel());
    using trainer = new Trainer(model, { steps, learningRate, warmupSteps: 3 });
    const controller = new AbortController();
    const store = new FolderCheckpointStore(folder);
    const run = await TrainingRun.start(trainer, {
      batches: shuffledSource(),
      checkpoints: { store, everySteps: 4, resume: (await store.load()) !== undefined },
      evaluation: { everySteps: 3, loss: async () => losses.at(-1) as number, keepBest: true },
      onEvent: (event) => {
        if (event.event !== "step") return;
        losses.push((event as StepEvent).loss);
        if (event.step === step && step < steps) controller.abort();
      },
    });
    await run.finish(controller.signal);
    const { weights } = await model.toData();
    return { losses, weights };
  }
});

/** Data whose order hangs on all draws before it: nothing but its state can take it up again. */
function shuffledSource(): BatchSource {
  const random = new Random("shuffled");
  return {
    next: () => [nextTokenBatch([0, 1, 2].map(() => Array.from({ length: 6 + 1 }, () => random.integer(11))))],
    state: () => random.state,
    restore: (state) => {
      random.state = state as number[];
    },
  };
}

/** Node's files on a disk with so many bytes left. */
function filesWithRoomFor(bytes: number): CheckpointFiles {
  let left = bytes;
  const full = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const open = async (...parameters: Parameters<typeof nodeFiles.open>) => {
    const file = await nodeFiles.open(...parameters);
    const writeAll = file.writeFile.bind(file);
    file.writeFile = async (data) => {
      const whole = data as Uint8Array;
      const part = whole.subarray(0, left);
      await writeAll(part);
      left -= part.byteLength;
      if (part.byteLength < whole.byteLength) throw full();
    };
    return file;
  };
  return { ...nodeFiles, open: open as typeof nodeFiles.open };
}

/** @returns the last step that the process said it had saved */
async function saveUntilKilled(folder: string, first: number, afterMs: number): Promise<number> {
  const script = fileURLToPath(new URL("saving-for-ever.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder, String(first)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (piece: Buffer) => {
    if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMs);
    output += piece;
  });
  await new Promise((resolve) => child.on("close", resolve));
  return Number(output.trim().split("\n").at(-1));
}
