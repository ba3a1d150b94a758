/** The live page of a run: served to this machine alone, told of every event as it comes. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SstError } from "@sst/tensor";
import { createChannel, createSession } from "better-sse";
import type { LoggedEvent } from "../training/training-log.js";

/** Events that a page that is opened late is told of; beyond it every other step is forgotten. */
const KEPT_EVENTS = 20_000;

const files: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  "/": { name: "index.html", type: "text/html; charset=utf-8" },
  "/page.js": { name: "page.js", type: "text/javascript; charset=utf-8" },
  "/page.css": { name: "page.css", type: "text/css; charset=utf-8" },
};

export class WatchServer {
  readonly #channel = createChannel();
  readonly #listening = new Set<ServerResponse>();
  #history: LoggedEvent[] = [];

  private constructor(private readonly server: Server) {
    server.on("request", (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  /**
   * Listens on the loopback address.
   *
   * @param port 0 for any that is free
   * @throws SstError `invalid-argument` for a port that is taken
   */
  static async listen(port: number): Promise<WatchServer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, "127.0.0.1", resolve);
    }).catch((cause: Error) => {
      throw new SstError("invalid-argument", `--watch ${port}: no page can be served there (${cause.message})`, {
        cause,
      });
    });
    return new WatchServer(server);
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  tell(event: LoggedEvent): void {
    this.#history.push(event);
    if (this.#history.length > KEPT_EVENTS) this.#history = withEveryOtherStep(this.#history);
    this.#channel.broadcast(event, "training");
  }

  /** Pages that are open are told all that there was before their connection ends. */
  close(): void {
    for (const response of this.#listening) response.end();
    this.server.close();
    this.server.closeIdleConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A page from elsewhere that has made its name point here is not let in.
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    if (host !== "127.0.0.1" && host !== "localhost") {
      response.writeHead(403).end();
      return;
    }
    const path = (request.url ?? "/").split("?")[0] as string;
    if (path === "/events") {
      const session = await createSession(request, response);
      session.push(this.#history, "history");
      this.#channel.register(session);
      this.#listening.add(response);
      response.on("close", () => this.#listening.delete(response));
      return;
    }
    const file = files[path];
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    const bytes = await readFile(new URL(`watch/${file.name}`, import.meta.url));
    response.writeHead(200, {
      "content-type": file.type,
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:",
    });
    response.end(bytes);
  }
}

/** Of each run: where several go on side by side, their steps come by turns. */
function withEveryOtherStep(history: readonly LoggedEvent[]): LoggedEvent[] {
  const seen = new Map<string | undefined, number>();
  return history.filter(({ event, variant }) => {
    if (event !== "step") return true;
    const count = seen.get(variant) ?? 0;
    seen.set(variant, count + 1);
    return count % 2 === 0;
  });
}
