/**
 * Downloads on disk. Each process writes into a file of its own (`DIGEST.partial-HOST-PID-…`), which takes its name when it
 * is whole and checked. A process that gives up calls its file `DIGEST.partial`, and one that was killed leaves its own:
 * the next one goes on with either, by giving it a new name, which succeeds for one process only. Node only.
 */

import { openOnDisk } from "../files/open-file.js";
import { writeError } from "../files/write-errors.js";
import type { BlobCache, Download } from "./blob-cache.js";

/** A file that has not grown for so long has nobody who writes it, whatever its process is called. */
const ABANDONED_MS = 600_000;

const remedy = "make room, or give another folder (SST_CACHE_DIR); what has come so far is kept";

/** `SST_CACHE_DIR`, else `sst` in the user's folder for caches. */
export async function defaultCacheDir(): Promise<string> {
  const { homedir } = await import("node:os");
  const { join } = await import("node:path");
  const { SST_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  return SST_CACHE_DIR || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "sst");
}

export async function diskCache(folder: string): Promise<BlobCache> {
  const { mkdir, readFile, rename, stat, writeFile } = await import("node:fs/promises");
  const { dirname, join } = await import("node:path");
  const blobs = join(folder, "blobs");
  await mkdir(blobs, { recursive: true }).catch((cause) => {
    throw writeError(folder, cause, remedy);
  });
  const blobOf = (digest: string) => join(blobs, digest);
  return {
    location: folder,
    open: async (digest, sizeBytes) => {
      const information = await stat(blobOf(digest)).catch(() => undefined);
      return information?.size === sizeBytes ? openOnDisk(blobOf(digest)) : undefined;
    },
    begin: (digest) => beginDownload(blobOf(digest)),
    note: (name) => readFile(join(folder, name), "utf8").catch(() => undefined),
    writeNote: async (name, text) => {
      const path = join(folder, name);
      const temporary = `${path}.partial-${crypto.randomUUID()}`;
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(temporary, text);
        await rename(temporary, path);
      } catch (cause) {
        throw writeError(path, cause, remedy);
      }
    },
  };
}

async function beginDownload(blob: string): Promise<Download> {
  const { open, rename, rm, stat } = await import("node:fs/promises");
  const { createReadStream } = await import("node:fs");
  const own = `${blob}.partial-${await processName()}-${crypto.randomUUID()}`;
  for (const abandoned of await abandonedFiles(blob)) {
    const isOurs = await rename(abandoned, own).then(
      () => true,
      // Another process was faster.
      () => false,
    );
    if (isOurs) break;
  }
  const failed = (cause: unknown) => {
    throw writeError(own, cause, remedy);
  };
  const file = await open(own, "a").catch(failed);
  let { size } = await file.stat();
  return {
    get sizeBytes() {
      return size;
    },
    read: () => createReadStream(own) as AsyncIterable<Uint8Array>,
    append: async (bytes) => {
      await file.appendFile(bytes).catch(failed);
      size += bytes.byteLength;
    },
    clear: async () => {
      await file.truncate(0).catch(failed);
      size = 0;
    },
    finish: async () => {
      try {
        await file.sync();
        await file.close();
        await rename(own, blob);
      } catch (cause) {
        // Windows replaces no file that somebody reads; then it is there already, with the same bytes.
        if ((await stat(blob).catch(() => undefined))?.size !== size) failed(cause);
        await rm(own, { force: true });
      }
      // Others that were left are of no use any more.
      for (const left of await abandonedFiles(blob)) await rm(left, { force: true });
    },
    leave: async () => {
      await file.close();
      if (size === 0) await rm(own, { force: true });
      else await rename(own, `${blob}.partial`).catch(failed);
    },
  };
}

async function processName(): Promise<string> {
  const { hostname } = await import("node:os");
  return `${encodeURIComponent(hostname())}-${process.pid}`;
}

/** Parts of a file that nobody writes any more. */
async function abandonedFiles(blob: string): Promise<string[]> {
  const { readdir, stat } = await import("node:fs/promises");
  const { hostname } = await import("node:os");
  const { basename, dirname, join } = await import("node:path");
  const free = `${basename(blob)}.partial`;
  const found: string[] = [];
  for (const name of await readdir(dirname(blob))) {
    if (name === free) found.push(name);
    if (!name.startsWith(`${free}-`)) continue;
    const [, host, pid] =
      /^(.*)-(\d+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(name.slice(free.length + 1)) ?? [];
    const isDead = host === encodeURIComponent(hostname()) && !isAlive(Number(pid));
    const information = await stat(join(dirname(blob), name)).catch(() => undefined);
    const isOld = information !== undefined && Date.now() - information.mtimeMs > ABANDONED_MS;
    if (isDead || isOld) found.push(name);
  }
  return found.map((name) => join(dirname(blob), name));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // There, but somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
