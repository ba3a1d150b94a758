/** `node growth.js POINT`: one point of a growth curve, as JSON. Says how long it takes and how much memory it took at most. */
import "@sst/backend-cpu";
import { DecoderModel, forward, initializeModel, KvCache, LatentStateCache, tokenTensor } from "@sst/layers";
import { Random, ready } from "@sst/tensor";
import { nextTokenBatch, Trainer } from "@sst/train";
import { secondsPerRun, serve } from "../engine/serve.js";
import { type GrowthPoint, growthConfig } from "../models/growth-point.js";

const MEASURED_MS = 150;
const WARMING_MS = 300;

/** Positions that a context is read in at a time. */
const CHUNK = 512;

const point: GrowthPoint = JSON.parse(process.argv[2] ?? "{}");

await serve(async () => {
  await ready({ backend: "cpu" });
  // The same work in small: what the process takes for its code and its garbage is there afterwards.
  const small = await workOn({ ...point, width: 16, layers: 1, batch: 1, time: 16, iterations: 1 });
  await secondsPerRun(small, WARMING_MS);
  const bytesBefore = peakBytes();
  const run = await workOn(point);

  return async () => ({ seconds: await secondsPerRun(run, MEASURED_MS), bytes: peakBytes() - bytesBefore });
});

/** What the process has taken of the machine's memory at most. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function workOn(point: GrowthPoint): Promise<() => Promise<unknown>> {
  const model = DecoderModel.fromData(initializeModel(growthConfig(point), new Random(0)));
  switch (point.work) {
    case "training":
      return training(model, point);
    case "forward":
      return forwardPass(model, point);
    case "decoding":
      return decoding(model, point);
  }
}

async function training(model: DecoderModel, point: GrowthPoint): Promise<() => Promise<unknown>> {
  const batches = [nextTokenBatch(rows(point.batch, point.time + 1))];
  const trainer = new Trainer(model, { steps: 1000, learningRate: 1e-4 });
  return () => trainer.step(batches);
}

async function forwardPass(model: DecoderModel, point: GrowthPoint): Promise<() => Promise<unknown>> {
  const weights = model.weights();
  const tokens = tokenTensor(rows(point.batch, point.time), model.config);
  return async () => {
    const logits = forward(weights, tokens, { iterations: point.iterations });
    await logits.data();
    logits.dispose();
  };
}

/** The context is read once; every run is one more token behind it. */
async function decoding(model: DecoderModel, point: GrowthPoint): Promise<() => Promise<unknown>> {
  const weights = model.weights();
  const caches = {
    kv: new KvCache(model.config, point.batch, model.config.maxPositionEmbeddings),
    states: new LatentStateCache(model.config, point.batch),
  };
  const read = async (count: number) => {
    const tokens = tokenTensor(rows(point.batch, count), model.config);
    const logits = forward(weights, tokens, { caches, lastPositionOnly: true });
    await logits.data();
    logits.dispose();
    tokens.dispose();
  };
  for (let position = 0; position < point.time; position += CHUNK) await read(Math.min(CHUNK, point.time - position));
  return () => read(1);
}

function rows(count: number, length: number): number[][] {
  const random = new Random("growth");
  return Array.from({ length: count }, () => Array.from({ length }, () => random.integer(256)));
}
