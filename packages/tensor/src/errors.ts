/**
 * The one family of errors of the house. The message says what was found, what was expected and what to do; `code` is
 * for programs, and stays the same when the wording changes.
 */
export type SstErrorCode =
  | "backend-unavailable"
  | "backend-unknown"
  | "backend-contract"
  | "backend-exists"
  | "backend-failed"
  | "wrong-backend"
  | "device-lost"
  | "out-of-memory"
  | "shader-invalid"
  | "not-ready"
  | "shape-mismatch"
  | "invalid-argument"
  | "contradiction"
  | "not-finite"
  | "unknown-token"
  | "empty-prompt"
  | "context-overflow"
  | "file-not-found"
  | "file-corrupt"
  | "file-unsupported"
  | "file-changed"
  | "access-denied"
  | "download-failed"
  | "checkpoint-mismatch"
  | "output-exists"
  | "output-not-writable"
  | "disk-full"
  | "disposed";

export class SstError extends Error {
  override readonly name = "SstError";

  constructor(
    readonly code: SstErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
