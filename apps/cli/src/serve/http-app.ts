/** The HTTP server without its endpoints: limits, time-outs, and every refusal in the protocol's form. */

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import { ApiError, toApiError } from "./api-error.js";
import type { ServerLimits } from "./limits.js";

export function createApp(limits: ServerLimits, log: (line: string) => void): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.clientTimeoutMs,
    forceCloseConnections: "idle",
    // While the server ends, requests are refused in the protocol's form, and not in the framework's.
    return503OnClosing: false,
    http: {
      headersTimeout: limits.clientTimeoutMs,
      connectionsCheckingInterval: Math.ceil(limits.clientTimeoutMs / 4),
    },
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error, _request, reply) => sendError(reply, fromFramework(error)),
  });
  // Browsers send plain text from any page without asking; nothing here reads it.
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler((error, _request, reply) => {
    const known = fromFramework(error);
    if (known.status === 500) log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return sendError(reply, known);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0]?.slice(0, 200);
    return sendError(
      reply,
      new ApiError(
        404,
        "invalid_request_error",
        `there is nothing at ${path}: see /v1/models, /v1/completions, /v1/chat/completions`,
        {
          code: "unknown_url",
        },
      ),
    );
  });
  app.addHook("onSend", async (_request, reply) => {
    // An answer that nobody reads does not keep its connection for ever.
    reply.raw.setTimeout(limits.clientTimeoutMs, () => reply.raw.destroy());
  });
  return app;
}

/** Whatever the framework has found wrong with a request says so by its status. */
function fromFramework(error: unknown): ApiError {
  const status =
    error instanceof Error && !(error instanceof ApiError) && "statusCode" in error ? Number(error.statusCode) : 0;
  if (!(status >= 400 && status < 500)) return toApiError(error);
  return new ApiError(status, "invalid_request_error", (error as Error).message);
}

export function sendError(reply: FastifyReply, error: ApiError): FastifyReply {
  const { retryAfterSeconds } = error.details;
  if (retryAfterSeconds !== undefined) reply.header("retry-after", retryAfterSeconds);
  return reply.code(error.status).send(error.body);
}

/** Every other method of a path is refused as such, and not as an unknown path. */
export function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly string[]): void {
  const others = app.supportedMethods.filter((method) => !allowed.includes(method));
  app.route({
    method: others,
    url,
    handler: (request, reply) => {
      reply.header("allow", allowed.join(", "));
      const message = `${url} takes ${allowed.join(", ")}, not ${request.method}`;
      return sendError(reply, new ApiError(405, "invalid_request_error", message, { code: "method_not_allowed" }));
    },
  });
}

const statusOf: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

/** What is no HTTP request, or does not come to its end. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf[error.code ?? ""] ?? 400;
  const reason = STATUS_CODES[status] as string;
  const body = JSON.stringify(new ApiError(status, "invalid_request_error", reason).body);
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
