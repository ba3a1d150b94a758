/**
 * Checkpoints of a training run in a folder, one file each (safetensors; what is no tensor stands in its header). A file
 * is written under another name, synced, and takes its own in one step: whenever a run is killed, the files that bear a
 * checkpoint's name are whole. Node only.
 */
import type { HostTensor } from "@sst/layers";
import { SstError } from "@sst/tensor";
import * as v from "valibot";
import { parseJson } from "../files/json.js";
import { openOnDisk } from "../files/open-file.js";
import { writeError } from "../files/write-errors.js";
import { openSafetensors } from "../formats/safetensors.js";
import { safetensorsParts } from "../formats/safetensors-write.js";

/** What JSON can hold. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** As `Checkpoint` of `@sst/train`. */
export interface StoredCheckpoint {
  readonly step: number;
  readonly configuration: Readonly<Record<string, Json>>;
  readonly state: Readonly<Record<string, Json>>;
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

/** The part of `node:fs/promises` that writes. */
export type CheckpointFiles = Pick<
  typeof import("node:fs/promises"),
  "mkdir" | "open" | "readdir" | "rename" | "unlink"
>;

export interface FolderCheckpointOptions {
  /** How many checkpoints stay, the newest; defaults to 3. */
  readonly keepLast?: number;
  /** Writes the files; defaults to Node's own. */
  readonly files?: CheckpointFiles;
}

const recordSchema = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));
const metadataSchema = v.object({
  format: v.literal("sst-checkpoint"),
  format_version: v.literal("1"),
  step: v.pipe(v.string(), v.digits(), v.transform(Number)),
  configuration: recordSchema,
  state: recordSchema,
});

const filePattern = /^step-(\d+)\.safetensors$/;
const temporaryMark = ".partial-";

/** A `CheckpointStore` for `@sst/train`. */
export class FolderCheckpointStore {
  constructor(
    readonly folder: string,
    private readonly options: FolderCheckpointOptions = {},
  ) {}

  /** @throws SstError `disk-full` or `output-not-writable`; the checkpoints that were there are as they were */
  async save(checkpoint: StoredCheckpoint): Promise<void> {
    const { join } = await import("node:path");
    const files = this.options.files ?? (await import("node:fs/promises"));
    const name = `step-${String(checkpoint.step).padStart(8, "0")}.safetensors`;
    const temporary = join(this.folder, `${name}${temporaryMark}${crypto.randomUUID()}`);
    try {
      await files.mkdir(this.folder, { recursive: true });
      await this.#removeWhere(files, (each) => each.includes(temporaryMark));
      await writeSynced(files, temporary, partsOf(checkpoint));
      await files.rename(temporary, join(this.folder, name));
      await syncFolder(files, this.folder);
    } catch (cause) {
      await files.unlink(temporary).catch(() => {
        // It was never made, or has its own name by now.
      });
      const kept = (await this.#names().catch(() => [])).at(-1);
      const rest = kept === undefined ? "no earlier one is there" : `resume from ${kept}, which is whole`;
      throw writeError(`the checkpoint of step ${checkpoint.step} in ${this.folder}`, cause, `make room, and ${rest}`);
    }
    const kept = (await this.#names()).slice(-(this.options.keepLast ?? 3));
    await this.#removeWhere(files, (each) => filePattern.test(each) && !kept.includes(each));
  }

  /** @throws SstError `file-corrupt` or `file-not-found`, naming the file */
  async load(): Promise<StoredCheckpoint | undefined> {
    const { join } = await import("node:path");
    const name = (await this.#names()).at(-1);
    return name === undefined ? undefined : readCheckpoint(join(this.folder, name));
  }

  /** Of whole checkpoints, oldest first. */
  async #names(): Promise<string[]> {
    const { readdir } = await import("node:fs/promises");
    const names = await readdir(this.folder).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return [];
      throw new SstError("file-not-found", `${this.folder} cannot be read (${cause.message})`, { cause });
    });
    const stepOf = (name: string) => Number(filePattern.exec(name)?.[1]);
    return names.filter((name) => filePattern.test(name)).sort((left, right) => stepOf(left) - stepOf(right));
  }

  async #removeWhere(files: CheckpointFiles, isUnwanted: (name: string) => boolean): Promise<void> {
    const { join } = await import("node:path");
    const names = await files.readdir(this.folder);
    for (const name of names.filter(isUnwanted)) await files.unlink(join(this.folder, name));
  }
}

function partsOf({ step, configuration, state, tensors }: StoredCheckpoint): Iterable<Uint8Array> {
  return safetensorsParts(tensors, {
    metadata: {
      format: "sst-checkpoint",
      format_version: "1",
      step: String(step),
      configuration: JSON.stringify(configuration),
      state: JSON.stringify(state),
    },
  });
}

async function writeSynced(files: CheckpointFiles, path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await files.open(path, "wx");
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The new name itself has to reach the disk, too. */
async function syncFolder(files: CheckpointFiles, folder: string): Promise<void> {
  // Windows opens no folders, and keeps its names in a journal.
  if (process.platform === "win32") return;
  const opened = await files.open(folder, "r");
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

async function readCheckpoint(path: string): Promise<StoredCheckpoint> {
  const file = await openOnDisk(path);
  try {
    const { metadata, read, shapes } = await openSafetensors(file, path);
    const { step, configuration, state } = parseMetadata(metadata, path);
    const tensors: Record<string, HostTensor> = {};
    for (const [name, shape] of Object.entries(shapes)) {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      let position = 0;
      await read(name, (values) => {
        data.set(values, position);
        position += values.length;
      });
      tensors[name] = { shape, data };
    }
    return {
      step,
      tensors,
      configuration: configuration as Record<string, Json>,
      state: state as Record<string, Json>,
    };
  } finally {
    await file.close();
  }
}

function parseMetadata(metadata: Readonly<Record<string, string>>, path: string): v.InferOutput<typeof metadataSchema> {
  return parseJson(new TextEncoder().encode(JSON.stringify(metadata)), metadataSchema, `${path} (header)`);
}
