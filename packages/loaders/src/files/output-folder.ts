/**
 * Writing folders whole: everything goes into a temporary folder beside the target, is synced, and takes the target's
 * name in one step. Node only.
 */
import { SstError } from "@sst/tensor";
import { writeError } from "./write-errors.js";

export interface OutputOptions {
  /** Replaces what is at the target; otherwise that is refused. */
  readonly overwrite?: boolean;
}

/** A file's bytes, whole or in parts that are made when they are written. */
export type FileContent = Uint8Array | Iterable<Uint8Array>;

/**
 * Checks before long work that a folder can be written later.
 *
 * @throws SstError `output-exists`, `output-not-writable` or `disk-full`
 */
export async function requireWritable(folder: string, options: OutputOptions = {}): Promise<void> {
  await (await createTemporary(folder, options)).remove();
}

/**
 * Writes files (by path below the folder) as a new folder.
 *
 * @throws SstError as `requireWritable`, and what making a part throws; nothing is left then
 */
export async function writeFolder(
  folder: string,
  files: Readonly<Record<string, FileContent | AsyncIterable<Uint8Array>>>,
  options: OutputOptions = {},
): Promise<void> {
  const { mkdir, open, rename } = await import("node:fs/promises");
  const { dirname, join, resolve } = await import("node:path");
  const target = resolve(folder);
  const temporary = await createTemporary(folder, options);
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(temporary.path, name)), { recursive: true });
      const file = await open(join(temporary.path, name), "wx");
      try {
        for await (const part of content instanceof Uint8Array ? [content] : content) await file.writeFile(part);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    // Without leave to replace, what has come to stand there in the meantime makes this fail.
    await (options.overwrite ? replaceFolder : rename)(temporary.path, target);
  } catch (cause) {
    await temporary.remove();
    throw cause instanceof SstError ? cause : notWritable(folder, cause);
  }
}

interface TemporaryFolder {
  readonly path: string;
  /** Removes it, and the folders above that were made for it and hold nothing else. */
  remove(): Promise<void>;
}

async function createTemporary(folder: string, { overwrite = false }: OutputOptions): Promise<TemporaryFolder> {
  const { mkdir, stat } = await import("node:fs/promises");
  const { dirname, relative, resolve } = await import("node:path");
  const target = resolve(folder);
  const existing = await stat(target).catch(() => undefined);
  if (existing !== undefined && !existing.isDirectory()) {
    throw new SstError("output-not-writable", `${folder} is a file, not a folder: choose another place`);
  }
  if (existing !== undefined && !overwrite) {
    throw new SstError(
      "output-exists",
      `${folder} exists already: choose another folder, or replace it with --overwrite`,
    );
  }
  // Replacing a folder deletes all that is in it: never the one that the user stands in, nor one above it.
  if (existing !== undefined && /^(\.\.([\\/]|$))*$/.test(relative(process.cwd(), target))) {
    throw new SstError("output-not-writable", `${folder} holds the working directory: choose another folder`);
  }
  // Not mkdtemp: its folders are closed to everyone but the owner, and the name becomes the target's.
  const path = `${target}.partial-${crypto.randomUUID()}`;
  try {
    const firstMade = await mkdir(dirname(target), { recursive: true });
    await mkdir(path);
    return { path, remove: () => removeFolders(path, firstMade) };
  } catch (cause) {
    throw notWritable(folder, cause);
  }
}

async function removeFolders(path: string, firstMade: string | undefined): Promise<void> {
  const { rm, rmdir } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  await rm(path, { recursive: true, force: true });
  if (firstMade === undefined) return;
  try {
    for (let made = dirname(path); made.length >= firstMade.length; made = dirname(made)) await rmdir(made);
  } catch {
    // Somebody else has put something there since: theirs now.
  }
}

/** A folder cannot be renamed onto a full one, so the old one steps aside first and goes when the new one is there. */
async function replaceFolder(temporary: string, target: string): Promise<void> {
  const { rename, rm } = await import("node:fs/promises");
  const old = `${temporary}.old`;
  const hadOld = await rename(target, old).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
  try {
    await rename(temporary, target);
  } catch (error) {
    if (hadOld) await rename(old, target);
    throw error;
  }
  if (hadOld) await rm(old, { recursive: true });
}

function notWritable(folder: string, cause: unknown): SstError {
  return writeError(folder, cause, "choose another place");
}
