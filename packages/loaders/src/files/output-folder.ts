/**
 * Writing folders whole: everything goes into a temporary folder beside the target, is synced, and takes the target's
 * name in one step. Node only.
 */
import { SstError } from "@sst/tensor";

export interface OutputOptions {
  /** Replaces what is at the target; otherwise that is refused. */
  readonly overwrite?: boolean;
}

/**
 * Checks before long work that a folder can be written later.
 *
 * @throws SstError `output-exists` or `output-not-writable`
 */
export async function requireWritable(folder: string, options: OutputOptions = {}): Promise<void> {
  const { rm } = await import("node:fs/promises");
  await rm(await createTemporary(folder, options), { recursive: true });
}

/** Writes files (by path below the folder) as a new folder. @throws SstError as `requireWritable` */
export async function writeFolder(
  folder: string,
  files: Readonly<Record<string, Uint8Array>>,
  options: OutputOptions = {},
): Promise<void> {
  const { mkdir, open, rename, rm } = await import("node:fs/promises");
  const { dirname, join, resolve } = await import("node:path");
  const target = resolve(folder);
  const temporary = await createTemporary(folder, options);
  try {
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      const file = await open(join(temporary, name), "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await replaceFolder(temporary, target, rename, rm);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw notWritable(folder, cause);
  }
}

async function createTemporary(folder: string, { overwrite = false }: OutputOptions): Promise<string> {
  const { mkdir, mkdtemp, stat } = await import("node:fs/promises");
  const { dirname, resolve } = await import("node:path");
  const target = resolve(folder);
  const existing = await stat(target).catch(() => undefined);
  if (existing !== undefined && !existing.isDirectory()) {
    throw new SstError("output-not-writable", `${folder} is a file, not a folder: choose another place`);
  }
  if (existing !== undefined && !overwrite) {
    throw new SstError("output-exists", `${folder} exists already: choose another folder, or replace it with --overwrite`);
  }
  try {
    await mkdir(dirname(target), { recursive: true });
    return await mkdtemp(`${target}.partial-`);
  } catch (cause) {
    throw notWritable(folder, cause);
  }
}

/** A folder cannot be renamed onto a full one, so the old one steps aside first and goes when the new one is there. */
async function replaceFolder(
  temporary: string,
  target: string,
  rename: typeof import("node:fs/promises").rename,
  rm: typeof import("node:fs/promises").rm,
): Promise<void> {
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
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SstError("output-not-writable", `${folder} cannot be written (${reason}): choose another place`, { cause });
}
