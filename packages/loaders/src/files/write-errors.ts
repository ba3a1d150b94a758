/** What a file that could not be written is called. */
import { SstError } from "@sst/tensor";

const fullDisk = ["ENOSPC", "EDQUOT", "EFBIG"];

/** @param remedy what is to be done, or what was not lost */
export function writeError(place: string, cause: unknown, remedy: string): SstError {
  const { code, message = String(cause) } = (cause ?? {}) as Partial<NodeJS.ErrnoException>;
  if (fullDisk.includes(code ?? "")) {
    return new SstError("disk-full", `${place} cannot be written, since the disk is full: ${remedy}`, { cause });
  }
  return new SstError("output-not-writable", `${place} cannot be written (${message}): ${remedy}`, { cause });
}
