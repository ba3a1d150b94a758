/**
 * A session as bytes, ours: the eight letters `SSTSESS1`, the length of a JSON header (4 bytes, little-endian), the header, then
 * float32 values: of every layer keys and values of the slots that are filled, and its state; last the logits that wait for a
 * token, where there are some. A digest over all of it ends the file.
 */
import { type DecoderModel, KvCache, LatentStateCache, type ModelConfig } from "@sst/layers";
import { keep, SstError, type Tensor, tensor } from "@sst/tensor";
import type { GenerationPlace } from "./generation.js";
import { SessionCaches } from "./session-caches.js";

const MAGIC = "SSTSESS1";
const DIGEST_BYTES = 32;
const PREFIX_BYTES = MAGIC.length + 4;

interface Header {
  readonly model: string;
  readonly capacity: number;
  readonly length: number;
  readonly isFilled: boolean;
  readonly tokens: readonly number[];
  /** Iterations of logits that wait; absent where none do. */
  readonly waiting?: number;
}

type Saved = Pick<GenerationPlace, "caches" | "read" | "tokens">;

export async function saveSession(model: DecoderModel, { caches, read, tokens }: Saved): Promise<Uint8Array> {
  const { kv, states } = caches;
  const header: Header = {
    model: await fingerprint(model),
    capacity: caches.capacity,
    length: kv.length,
    isFilled: states.isFilled,
    tokens,
    ...(read && { waiting: read.iterations }),
  };
  const parts: Float32Array[] = [];
  for (let layer = 0; layer < model.config.numHiddenLayers; layer++) {
    for (const cache of [kv.keys(layer), kv.values(layer)]) {
      const values = (await cache.data()) as Float32Array;
      parts.push(values.subarray(0, filledSlots(cache, kv.length) * rowSize(cache)));
    }
    parts.push((await states.state(layer).data()) as Float32Array);
  }
  if (read) parts.push(read.logits);
  return sealed(header, parts);
}

/** @throws SstError `file-corrupt`, `contradiction` for another model's session */
export async function loadSession(model: DecoderModel, bytes: Uint8Array): Promise<Saved> {
  const { header, values } = await opened(bytes);
  if (header.model !== (await fingerprint(model))) {
    throw new SstError(
      "contradiction",
      "the session was saved of another model: load it beside the one that it was had with",
    );
  }
  const { config } = model;
  const { caches, taken } = filledCaches(config, header, values);
  try {
    const waits = header.waiting === undefined ? 0 : config.vocabSize;
    if (taken + waits !== values.length) throw corrupt("its values are not as many as its header says");
    const read = header.waiting && { logits: values.slice(taken), iterations: header.waiting };
    return { caches, tokens: [...header.tokens], read: read || undefined };
  } catch (error) {
    caches.dispose();
    throw error;
  }
}

function filledCaches(config: ModelConfig, header: Header, values: Float32Array) {
  // Their shapes; the contents are put into tensors of these.
  using kv = new KvCache(config, 1, header.capacity);
  using states = new LatentStateCache(config, 1);
  let taken = 0;
  const made: Tensor[] = [];
  const take = (like: Tensor, count: number): Tensor => {
    if (taken + count > values.length) {
      for (const each of made) each.dispose();
      throw corrupt("it ends before its values do");
    }
    const whole = new Float32Array(like.size);
    whole.set(values.subarray(taken, taken + count));
    taken += count;
    const filled = keep(tensor(whole, like.shape)) as Tensor;
    made.push(filled);
    return filled;
  };
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) => {
    const ofCache = (cache: Tensor) => take(cache, filledSlots(cache, header.length) * rowSize(cache));
    const state = states.state(layer);
    return { keys: ofCache(kv.keys(layer)), values: ofCache(kv.values(layer)), state: take(state, state.size) };
  });
  const caches = new SessionCaches(config, header.capacity, {
    kv: { length: header.length, keys: layers.map(({ keys }) => keys), values: layers.map((each) => each.values) },
    states: { isFilled: header.isFilled, states: layers.map(({ state }) => state) },
  });
  return { caches, taken };
}

function filledSlots({ shape }: Tensor, length: number): number {
  return Math.min(length, shape[1] as number);
}

function rowSize({ shape }: Tensor): number {
  return (shape[2] as number) * (shape[3] as number);
}

/** Says which model it is, by its config and its vectors (norms, biases, theta): few values, and all of them moved by training. */
async function fingerprint(model: DecoderModel): Promise<string> {
  const { config } = model;
  const hash: string[] = [JSON.stringify(Object.entries(config).sort())];
  for (const name of model.parameterNames.filter((each) => /norm\.weight$|\.bias$|theta$/.test(each))) {
    const bytes = new Uint8Array(((await model.tensor(name).data()) as Float32Array).slice().buffer);
    hash.push(`${name} ${await digest(bytes)}`);
  }
  return digest(new TextEncoder().encode(hash.join("\n")));
}

async function sealed(header: Header, parts: readonly Float32Array[]): Promise<Uint8Array> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const valueBytes = parts.reduce((total, part) => total + part.byteLength, 0);
  const bytes = new Uint8Array(PREFIX_BYTES + json.length + valueBytes + DIGEST_BYTES);
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(MAGIC.length, json.length, true);
  bytes.set(json, PREFIX_BYTES);
  let position = PREFIX_BYTES + json.length;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), position);
    position += byteLength;
  }
  bytes.set(await sha256(bytes.subarray(0, position)), position);
  return bytes;
}

async function opened(bytes: Uint8Array): Promise<{ readonly header: Header; readonly values: Float32Array }> {
  if (bytes.length < PREFIX_BYTES + DIGEST_BYTES) throw corrupt("it is too short");
  if (new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw corrupt("it does not begin as a session of this version does");
  }
  const end = bytes.length - DIGEST_BYTES;
  const expected = await sha256(bytes.subarray(0, end));
  if (!expected.every((byte, index) => byte === bytes[end + index]))
    throw corrupt("its digest is wrong: it was cut short or changed");
  const jsonBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const start = PREFIX_BYTES + jsonBytes;
  if (start > end || (end - start) % 4 !== 0) throw corrupt("its header is longer than the file");
  // What the digest holds was written by `sealed`.
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, start))) as Header;
  return { header, values: new Float32Array(bytes.slice(start, end).buffer) };
}

function corrupt(complaint: string): SstError {
  return new SstError("file-corrupt", `these bytes are no session: ${complaint}; save it again`);
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

async function digest(bytes: Uint8Array): Promise<string> {
  return Array.from(await sha256(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
