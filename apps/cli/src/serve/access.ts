/** Who is let in. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { ApiError } from "./api-error.js";

/** Digests are of one length, so that the comparison takes the same time whatever was sent. */
const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest();

/** @throws ApiError 401 */
export function requireKey({ authorization = "" }: IncomingHttpHeaders, apiKey: string): void {
  const given = /^Bearer (.*)$/i.exec(authorization)?.[1] ?? "";
  // Node reads headers byte by byte.
  if (timingSafeEqual(digest(Buffer.from(given, "latin1")), digest(Buffer.from(apiKey)))) return;
  throw new ApiError(
    401,
    "authentication_error",
    "the API key is missing or wrong: send it as Authorization: Bearer <key>",
    {
      code: "invalid_api_key",
    },
  );
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * A page from elsewhere that has made its name point to this machine would be the server's own page to a browser: without a key
 * only requests that name the loopback address are let in.
 *
 * @throws ApiError 403
 */
export function requireLoopbackName({ host = "" }: IncomingHttpHeaders): void {
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (isLoopback(name)) return;
  throw new ApiError(
    403,
    "authentication_error",
    "this server answers to the loopback address only, or with an API key",
    {
      code: "host_not_allowed",
    },
  );
}
