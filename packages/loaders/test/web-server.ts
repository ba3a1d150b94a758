/** A web server on this machine, for tests: good by default, and bad in the ways that a test asks for. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface WebServer {
  readonly server: Server;
  /** Its address, without a slash at the end. */
  readonly base: string;
  /** What was asked for, in order. */
  readonly asked: Asked[];
  close(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export async function serve(handler: Handler): Promise<WebServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    asked.push({ method, path: decodeURI(url), range: headers.range, authorization: headers.authorization });
    // What a browser asks before it sends something to another origin.
    if (method === "OPTIONS") response.writeHead(204).end();
    else handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    server,
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export interface SendOptions {
  /** Answers parts of the file; defaults to true. */
  readonly ranges?: boolean;
  /** Breaks the connection off after so many bytes of the body. */
  readonly breakAfter?: number;
  /** Sends so many bytes of the body and then nothing. */
  readonly hangAfter?: number;
  readonly headers?: Record<string, string>;
}

export function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array,
  { ranges = true, breakAfter, hangAfter, headers = {} }: SendOptions = {},
): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec((ranges && request.headers.range) || "") ?? [];
  if (first !== undefined && Number(first) >= file.length) {
    response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
    return;
  }
  const end = Math.min(file.length, last ? Number(last) + 1 : file.length);
  const body = file.subarray(Number(first ?? 0), end);
  response.writeHead(first === undefined ? 200 : 206, {
    "content-type": "application/octet-stream",
    "content-length": body.length,
    ...(first !== undefined && { "content-range": `bytes ${first}-${end - 1}/${file.length}` }),
    ...headers,
  });
  if (request.method === "HEAD") response.end();
  else if (breakAfter !== undefined && breakAfter < body.length) {
    // What was written arrives, and then the end.
    response.write(body.subarray(0, breakAfter), () => response.socket?.end());
  } else if (hangAfter !== undefined && hangAfter < body.length) {
    // Headers are sent with the first bytes of a body only.
    response.flushHeaders();
    if (hangAfter > 0) response.write(body.subarray(0, hangAfter));
  } else response.end(body);
}
