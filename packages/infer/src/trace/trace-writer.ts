/** Writing a trace as it goes: each record leaves for its stream before the next one is asked for. */
import { SstError } from "@sst/tensor";
import { float32Bytes, headerLine, type StoredRecord, sideHeader, type TraceHeader } from "./trace-format.js";
import type { TraceRecord } from "./trace-record.js";

/** Web streams, as browsers have them; Node's are made into such by `Writable.toWeb`. */
export interface TraceStreams {
  readonly figures: WritableStream<Uint8Array>;
  /** For full states and distributions. */
  readonly states?: WritableStream<Uint8Array> | undefined;
}

export class TraceWriter {
  readonly #figures: WritableStreamDefaultWriter<Uint8Array>;
  readonly #states: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #encoder = new TextEncoder();
  #statesBytes = 0;

  private constructor({ figures, states }: TraceStreams) {
    this.#figures = figures.getWriter();
    this.#states = states?.getWriter();
  }

  /** Writes the header. The writer closes the streams. */
  static async begin(streams: TraceStreams, header: TraceHeader): Promise<TraceWriter> {
    const writer = new TraceWriter(streams);
    await writer.#line(headerLine(header));
    if (writer.#states) await writer.#beside(sideHeader());
    return writer;
  }

  /**
   * Resolves when the streams want more. The numbers come before the line that speaks of them, so that a trace which was cut off
   * reads well up to there.
   *
   * @throws SstError `contradiction` for full states without a stream that takes them
   */
  async write({ states, distributions, ...figures }: TraceRecord): Promise<void> {
    const stored: StoredRecord = {
      ...figures,
      ...(states && { statesAtByte: await this.#beside(float32Bytes(states)) }),
      ...(distributions && { distributionsAtByte: await this.#beside(float32Bytes(distributions)) }),
    };
    await this.#line(`${JSON.stringify(stored)}\n`);
  }

  async close(): Promise<void> {
    await Promise.all([this.#figures.close(), this.#states?.close()]);
  }

  /** Ends the streams without what is not written yet. */
  async abort(reason: unknown): Promise<void> {
    await Promise.all([this.#figures.abort(reason), this.#states?.abort(reason)]);
  }

  async #line(line: string): Promise<void> {
    await this.#figures.write(this.#encoder.encode(line));
  }

  /** Where the bytes begin. */
  async #beside(bytes: Uint8Array): Promise<number> {
    if (this.#states === undefined) {
      throw new SstError("contradiction", "the records hold full states, but the trace has no stream for them");
    }
    const start = this.#statesBytes;
    this.#statesBytes += bytes.length;
    await this.#states.write(bytes);
    return start;
  }
}
