/** What is wrong with a GGUF file, by its name. */
import { SstError } from "@sst/tensor";

export function corrupt(fileName: string, complaint: string, cause?: unknown): SstError {
  return new SstError("file-corrupt", `${fileName}: ${complaint}`, { cause });
}

export function unsupported(fileName: string, complaint: string, cause?: unknown): SstError {
  return new SstError("file-unsupported", `${fileName}: ${complaint}`, { cause });
}
