/** Noticing that a file was changed while it was in use: its size and time are noted at the start, and what it holds. Node only. */
import { SstError } from "@sst/tensor";

/** A file as it was when it was noted. */
export interface NotedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Of its bytes, in hexadecimal digits. */
  readonly sha256: string;
}

/** Notes a file, or all files of a folder (not those of folders in it). @throws SstError `file-not-found` */
export async function noteFiles(path: string): Promise<NotedFile[]> {
  const { readdir, stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const information = await stat(path).catch((cause) => {
    throw new SstError("file-not-found", `there is no file or folder "${path}"`, { cause });
  });
  if (!information.isDirectory()) return [await noteFile(path)];
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return Promise.all(names.sort().map((name) => noteFile(join(path, name))));
}

/** @throws SstError `file-changed` naming the first file that is gone or holds something else by now */
export async function requireUnchanged(noted: readonly NotedFile[]): Promise<void> {
  const { stat } = await import("node:fs/promises");
  for (const file of noted) {
    const now = await stat(file.path).catch(() => undefined);
    if (now === undefined) throw changed(`${file.path} is gone`);
    if (now.size !== file.sizeBytes) throw changed(`${file.path} had ${file.sizeBytes} bytes and has ${now.size}`);
    // Touched is not changed; what it holds decides.
    if (now.mtimeMs !== file.modifiedMs && (await digestOf(file.path)) !== file.sha256) {
      throw changed(`${file.path} holds something else`);
    }
  }
}

async function noteFile(path: string): Promise<NotedFile> {
  const { stat } = await import("node:fs/promises");
  const { size, mtimeMs } = await stat(path);
  return { path, sizeBytes: size, modifiedMs: mtimeMs, sha256: await digestOf(path) };
}

async function digestOf(path: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  const { createReadStream } = await import("node:fs");
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

function changed(what: string): SstError {
  return new SstError("file-changed", `${what} since the run began: put it back as it was, or begin a new run`);
}
