/** Server-sent events to one client, no faster than it reads. */
import type { ServerResponse } from "node:http";

export class EventStream {
  #hasBegun = false;

  /**
   * @param readTimeoutMs a client that reads nothing for so long is cut off
   * @param onBegin before the status goes out
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly readTimeoutMs: number,
    private readonly onBegin: () => void,
  ) {}

  /** Whether the client has been told 200, after which an error can only be an event. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Resolves once there is room for more, or the client is gone. */
  async send(data: object | "[DONE]"): Promise<void> {
    if (this.response.destroyed) return;
    if (!this.#hasBegun) this.#begin();
    const text = `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
    if (!this.response.write(text)) await this.#room();
  }

  end(): void {
    // What is still on its way is waited for, but not for ever.
    this.response.setTimeout(this.readTimeoutMs, () => this.response.destroy());
    this.response.end();
  }

  #begin(): void {
    this.#hasBegun = true;
    this.onBegin();
    this.response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // A proxy that collects before it passes on would undo the streaming.
      "x-accel-buffering": "no",
    });
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      const { response } = this;
      const timer = setTimeout(() => response.destroy(), this.readTimeoutMs);
      const settle = () => {
        clearTimeout(timer);
        response.off("drain", settle).off("close", settle);
        resolve();
      };
      response.on("drain", settle).on("close", settle);
    });
  }
}
