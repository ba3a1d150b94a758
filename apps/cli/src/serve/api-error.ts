/** Refusals and failures in the form that OpenAI's clients understand. */
import { SstError } from "@sst/tensor";

export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "rate_limit_error"
  | "service_unavailable_error"
  | "server_error";

export interface ApiErrorDetails {
  /** The field that is to blame. */
  readonly param?: string;
  readonly code?: string;
  /** Goes out as Retry-After. */
  readonly retryAfterSeconds?: number;
}

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly type: ApiErrorType,
    message: string,
    readonly details: ApiErrorDetails = {},
  ) {
    super(message);
  }

  get body(): object {
    const { param = null, code = null } = this.details;
    return { error: { message: this.message, type: this.type, param, code } };
  }
}

export function invalidRequest(message: string, param?: string, code?: string): ApiError {
  return new ApiError(400, "invalid_request_error", message, {
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  });
}

export const shuttingDown = () =>
  new ApiError(503, "service_unavailable_error", "the server is shutting down: ask another one, or later", {
    code: "shutting_down",
    retryAfterSeconds: 5,
  });

/** What a request can be to blame for, as far as the model's own checks find it; all else is a failure of ours. */
const blamesRequest: ReadonlySet<string> = new Set([
  "invalid-argument",
  "contradiction",
  "unknown-token",
  "empty-prompt",
]);

/** An error of any kind as one for the client, without what is inside of us. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof SstError) {
    if (error.code === "context-overflow") return invalidRequest(error.message, undefined, "context_length_exceeded");
    if (blamesRequest.has(error.code)) return invalidRequest(error.message, undefined, error.code);
  }
  return new ApiError(500, "server_error", "the server failed at this request; its log says more", {
    code: "internal",
  });
}
