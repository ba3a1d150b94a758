/** Traces in files: written as they go, read back one position at a time. */
import "@sst/backend-cpu";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type TraceFile, TraceReader, type TraceRecord, TraceWriter, traceGeneration } from "@sst/infer";
import { DecoderModel } from "@sst/layers";
import { ready } from "@sst/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../layers/test/tiny-model.js";

const scratch = mkdtempSync(join(tmpdir(), "sst-trace-"));
const header = { vocabSize: 11, hiddenSize: 16, numLayers: tinyConfig.numHiddenLayers, about: { prompt: "1 5 2" } };
const records: TraceRecord[] = [];

beforeAll(async () => {
  await ready({ backend: "cpu" });
  using model = DecoderModel.fromData(tinyModel());
  const options = { maxNewTokens: 8, iterations: 2, promptIterations: 1, withStates: true, withDistributions: true };
  for await (const record of traceGeneration(model, [1, 5, 2], options)) records.push(record);
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** A stream and a file in memory. */
class Memory implements TraceFile {
  bytes = new Uint8Array(0);
  reads: [position: number, sizeBytes: number][] = [];

  get sizeBytes(): number {
    return this.bytes.length;
  }

  stream(): WritableStream<Uint8Array> {
    return new WritableStream({
      write: (piece) => {
        this.bytes = Uint8Array.from([...this.bytes, ...piece]);
      },
    });
  }

  async read(position: number, into: Uint8Array): Promise<void> {
    this.reads.push([position, into.length]);
    into.set(this.bytes.subarray(position, position + into.length));
  }
}

async function written(withStates = true): Promise<{ figures: Memory; states: Memory }> {
  const [figures, states] = [new Memory(), new Memory()];
  const streams = { figures: figures.stream(), ...(withStates && { states: states.stream() }) };
  const writer = await TraceWriter.begin(streams, header);
  for (const { states: full, distributions, ...rest } of records) {
    await writer.write(
      withStates ? { ...rest, states: full as Float32Array, distributions: distributions as Float32Array } : rest,
    );
  }
  await writer.close();
  return { figures, states };
}

describe("a trace in files", () => {
  test("comes back as it was, from files that Node wrote", async () => {
    const [figuresPath, statesPath] = [join(scratch, "trace.jsonl"), join(scratch, "trace.f32")];
    const streamTo = (path: string) => Writable.toWeb(createWriteStream(path)) as WritableStream<Uint8Array>;
    const writer = await TraceWriter.begin({ figures: streamTo(figuresPath), states: streamTo(statesPath) }, header);
    for (const record of records) await writer.write(record);
    await writer.close();
    const handles = await Promise.all([open(figuresPath), open(statesPath)]);
    const [figures, states] = await Promise.all(
      handles.map(async (handle): Promise<TraceFile> => {
        const { size } = await handle.stat();
        return {
          sizeBytes: size,
          read: async (position, into) => {
            await handle.read(into, 0, into.length, position);
          },
        };
      }),
    );
    const reader = await TraceReader.open({ figures: figures as TraceFile, states });
    expect(reader.header).toEqual(header);
    for await (const record of reader.records()) {
      const { states: full, distributions, ...rest } = records[record.position] as TraceRecord;
      expect(record).toMatchObject(rest);
      expect(await reader.states(record.position)).toEqual(full);
      expect(await reader.distributions(record.position)).toEqual(distributions);
    }
    expect(await reader.record(records.length)).toBeUndefined();
    for (const handle of handles) await handle.close();
    expect(readFileSync(figuresPath, "utf8").trim().split("\n")).toHaveLength(records.length + 1);
  });

  test("one position's states are read alone", async () => {
    const files = await written();
    const reader = await TraceReader.open(files);
    files.states.reads = [];
    expect(await reader.states(7)).toEqual(records[7]?.states);
    const header = [0, 16];
    expect(files.states.reads).toEqual([header, [expect.any(Number), 2 * 2 * 16 * 4]]);
  });

  test("records are read from any position on", async () => {
    const reader = await TraceReader.open(await written());
    const positions: number[] = [];
    for await (const { position } of reader.records(6)) positions.push(position);
    expect(positions).toEqual([6, 7, 8, 9]);
  });

  test("lines longer than what is read at a time come whole", async () => {
    const figures = new Memory();
    const writer = await TraceWriter.begin(
      { figures: figures.stream() },
      { ...header, about: { prompt: "x".repeat(2 ** 18) } },
    );
    const { states: _, distributions: __, ...first } = records[0] as TraceRecord;
    await writer.write(first);
    await writer.close();
    const reader = await TraceReader.open({ figures });
    expect(reader.header.about?.prompt).toHaveLength(2 ** 18);
    expect(await reader.record(0)).toEqual(first);
  });

  test("one that was cut off reads up to there, at whatever byte", async () => {
    const { figures, states } = await written();
    const whole = figures.bytes;
    for (const share of [0.4, 0.75, 0.999]) {
      figures.bytes = whole.slice(0, Math.floor(whole.length * share));
      const reader = await TraceReader.open({ figures, states });
      const read: number[] = [];
      for await (const { position } of reader.records()) read.push(position);
      const lines = new TextDecoder().decode(figures.bytes).split("\n").length - 1;
      expect(read).toHaveLength(lines - 1);
    }
  });

  test("what is wrong with one is said", async () => {
    const files = await written();
    const text = new TextDecoder().decode(files.figures.bytes);
    const openWith = async (changed: string) => {
      files.figures.bytes = new TextEncoder().encode(changed);
      return TraceReader.open(files);
    };
    const failsWith = (code: string, message: RegExp) =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    await expect(openWith("")).rejects.toThrowError(failsWith("file-corrupt", /no header/));
    await expect(openWith("what?\n")).rejects.toThrowError(failsWith("file-corrupt", /line 1 .*not JSON/));
    await expect(openWith(text.replace('"version":1', '"version":9'))).rejects.toThrowError(
      failsWith("file-unsupported", /version 9/),
    );
    await expect(openWith(text.replace('"hiddenSize":16', '"hiddenSize":0'))).rejects.toThrowError(
      failsWith("file-corrupt", /hiddenSize/),
    );
    const swapped = await openWith(text.replace('"position":1', '"position":5'));
    await expect(swapped.record(1)).rejects.toThrowError(failsWith("file-corrupt", /line 3 .*position 1/));
    const reader = await openWith(text);
    await expect(reader.states(99)).rejects.toThrowError(failsWith("invalid-argument", /position 99/));
    files.states.bytes = files.states.bytes.slice(0, 40);
    await expect(reader.states(0)).rejects.toThrowError(failsWith("file-corrupt", /ends at 40/));
    files.states.bytes = new Uint8Array(64);
    await expect((await TraceReader.open(files)).states(0)).rejects.toThrowError(
      failsWith("file-unsupported", /no states/),
    );
  });

  test("full states need a stream, and a trace that has some", async () => {
    const writer = await TraceWriter.begin({ figures: new Memory().stream() }, header);
    await expect(writer.write(records[0] as TraceRecord)).rejects.toThrowError(
      expect.objectContaining({ code: "contradiction" }),
    );
    const { figures } = await written(false);
    const reader = await TraceReader.open({ figures });
    await expect(reader.states(0)).rejects.toThrowError(expect.objectContaining({ code: "contradiction" }));
  });

  test("a stream that fails ends the writing with its error", async () => {
    const figures = new WritableStream<Uint8Array>({
      write: (piece) => {
        if (piece.length > 300) throw new Error("the disk is full");
      },
    });
    const writer = await TraceWriter.begin({ figures, states: new Memory().stream() }, header);
    await expect(writer.write(records[0] as TraceRecord)).rejects.toThrowError("the disk is full");
    await writer.abort("it is over");
  });
});
